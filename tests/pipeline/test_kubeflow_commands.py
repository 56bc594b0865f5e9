"""`galmorph kubeflow submit` and `wait` as a user runs them: exit status, lines, and what the server got."""

import os
import signal
import subprocess
import time
from functools import partial
from pathlib import Path

import pytest
from hostile_folder import hostile
from kfp_package import DEFAULTS, write_package
from kfp_server import (
    GOOD,
    REFUSING,
    SUCCEEDING,
    KfpServer,
    Step,
    answering,
    done,
    driver_failed,
    failed,
    kfp_server,
    page,
    running,
)
from whole_runs import COMMAND

_VARIABLES = (
    "KF_PIPELINES",
    "KFP_",
    "http_proxy",
    "https_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "SSL_CERT_FILE",
)


def environment(**changes: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_VARIABLES)}
    return kept | changes


@pytest.fixture
def kubeflow(galmorph_here):
    """The verb, in this process."""
    unwanted = [name for name in os.environ if name.startswith(_VARIABLES)]
    return partial(galmorph_here, "kubeflow", without=unwanted)


@pytest.fixture
def submit(kubeflow):
    """Submission to a server, in this process."""

    def run(server: KfpServer, path: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
        return kubeflow("submit", path, "--host", server.url, "--poll", 0.05, *arguments)

    return run


def line(result: subprocess.CompletedProcess[str], status: int) -> str:
    """The one line on standard error."""
    assert result.returncode == status, result.stdout + result.stderr
    assert result.stderr.count("\n") == 1 and result.stderr.startswith("galmorph: "), result.stderr
    return result.stderr


@pytest.fixture
def server():
    with kfp_server() as server:
        yield server


@pytest.fixture
def path(tmp_path) -> Path:
    return write_package(tmp_path)


def test_a_run_that_succeeds(server, path):
    words = [COMMAND, "kubeflow", "submit", path, "--host", server.url, "--poll", "0.05"]
    words += ["--param", "epochs=3", "--experiment", "night", "--run-name", "first"]
    result = subprocess.run(words, capture_output=True, text=True, timeout=120, env=environment())
    assert (result.returncode, result.stderr) == (0, "")
    (run,) = server.all("runs")
    assert run["display_name"] == "first" and run["runtime_config"]["parameters"] == DEFAULTS | {"epochs": 3}
    assert server.all("experiments")[0]["display_name"] == "night"
    for link in (f"runs/details/{run['run_id']}", f"experiments/details/{run['experiment_id']}"):
        assert f"{server.url}/#/{link}" in result.stdout
    assert "Trainer running" in result.stdout and "Trainer done (10 min 00 s)" in result.stdout


def test_a_refused_model_is_status_3(submit, server, path):
    server.script = list(REFUSING)
    assert "nothing was published" in line(submit(server, path), 3)


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ([Step("FAILED", GOOD[:3] + failed("Trainer", 40, 30))], "Trainer failed"),
        (
            [Step("FAILED", GOOD + driver_failed("PublicationGate", 700))],
            "PublicationGate failed: its driver",
        ),
        ([Step("CANCELING", GOOD), Step("CANCELED", GOOD)], "cancelled"),
    ],
)
def test_other_ends_are_status_1(submit, server, path, script, said):
    server.script = script
    result = submit(server, path)
    assert said in line(result, 1)
    assert ("kubectl get pods" in result.stdout) is ("failed" in said)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--param", "epohs=3"), "did you mean epochs?"),
        (("--pipeline-root", "/home/ana/run"), "which pods cannot reach"),
        (("--cron", "0 3 * *"), "4 fields"),
        (("--job-name", "nightly"), "--cron"),
        (("--token-file", "no-such-token"), "cannot be read"),
    ],
)
def test_bad_input_is_status_2_before_anything_is_sent(submit, server, path, arguments, said):
    assert said in line(submit(server, path, *arguments), 2)
    assert server.asked == []


def test_files_that_are_no_pipelines(submit, server, tmp_path):
    assert "does not exist" in line(submit(server, tmp_path / "no.yaml"), 2)
    (tmp_path / "component.yaml").write_text("implementation: {}\n")
    assert "component" in line(submit(server, tmp_path / "component.yaml"), 2)
    root = write_package(
        tmp_path, "schemaVersion: 2.1.0", "schemaVersion: 2.1.0\ndefaultPipelineRoot: /home/ana"
    )
    assert "/home/ana" in line(submit(server, root), 2)
    assert server.asked == []


def test_a_pipeline_root_of_the_option_counts_more_than_the_files(submit, server, tmp_path):
    path = write_package(
        tmp_path, "schemaVersion: 2.1.0", "schemaVersion: 2.1.0\ndefaultPipelineRoot: /home/ana"
    )
    assert submit(server, path, "--pipeline-root", "gs://bucket/a", "--no-wait").returncode == 0
    assert server.all("runs")[0]["runtime_config"]["pipeline_root"] == "gs://bucket/a"


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (answering(302, Location="/oauth2/start?rd=x"), "log in"),
        (answering(403, "RBAC: access denied", "text/plain"), "--namespace"),
        (page("Not Found", 404), "KFP 1 is not supported"),
    ],
)
def test_what_the_server_refuses_is_status_2(submit, server, path, fault, said):
    server.fail("GET", "healthz", fault)
    assert said in line(submit(server, path), 2)
    assert server.all("runs") == []


def test_no_server_is_status_2(kubeflow, path):
    assert "cannot be reached" in line(kubeflow("submit", path, "--host", "http://127.0.0.1:1"), 2)
    assert "--host" in line(kubeflow("submit", path), 2)
    assert "cannot be reached" in line(kubeflow("wait", "run-1", "--host", "http://127.0.0.1:1"), 2)


def test_options_from_the_environment(kubeflow, path, tmp_path):
    with kfp_server(multi_user=True, namespaces=("ana",), token="t0") as server:
        named = {"KF_PIPELINES_ENDPOINT": server.url, "KFP_NAMESPACE": "ana", "KFP_EXISTING_TOKEN": "t0"}
        ui = {"KF_PIPELINES_UI_ENDPOINT": "https://kf.example.org/pipeline/"}
        result = kubeflow("submit", path, "--no-wait", **named, **ui)
        assert result.returncode == 0, result.stderr
        assert (
            "https://kf.example.org/pipeline/#/runs/details/" in result.stdout and "t0" not in result.stdout
        )
        (tmp_path / "token").write_text("t1")
        server.token = "t1"
        file = {"KF_PIPELINES_SA_TOKEN_PATH": str(tmp_path / "token")}
        assert kubeflow("submit", path, "--no-wait", **named, **file).returncode == 0
        assert len(server.all("runs")) == 2


def test_a_dry_run_sends_nothing(submit, kubeflow, server, path):
    result = submit(server, path, "--dry-run", "--param", "settings=a.b=1", "--cron", "0 3 * * 1")
    assert result.returncode == 0 and server.asked == []
    assert '["a.b=1"]' in result.stdout and "0 0 3 * * 1" in result.stdout
    assert kubeflow("submit", path, "--dry-run").returncode == 0  # without a server


def test_an_image_without_a_version_is_warned_of(submit, server, tmp_path):
    path = write_package(tmp_path, "galmorph:1.0", "galmorph")
    result = submit(server, path, "--dry-run")
    assert result.returncode == 0 and "registry.example/galmorph names no fixed version" in result.stdout


def test_recurring_runs(submit, server, path):
    cron = ("--cron", "0 3 * * 1", "--job-name", "weekly", "--no-cache")
    result = submit(server, path, *cron)
    assert result.returncode == 0 and "0 0 3 * * 1" in result.stdout
    (job,) = server.all("recurringruns")
    assert job["trigger"] == {"cron_schedule": {"cron": "0 0 3 * * 1"}}
    assert (job["mode"], job["max_concurrency"], job["no_catchup"]) == ("ENABLE", 1, True)
    assert job["runtime_config"]["parameters"] == DEFAULTS
    assert "--replace" in line(submit(server, path, *cron), 2)
    assert submit(server, path, *cron, "--replace", "--param", "epochs=5").returncode == 0
    (new,) = server.all("recurringruns")
    assert new["recurring_run_id"] != job["recurring_run_id"]
    assert new["runtime_config"]["parameters"]["epochs"] == 5
    assert server.all("runs") == []


def test_an_uploaded_pipeline(submit, server, path):
    for _ in range(2):
        assert submit(server, path, "--pipeline-name", "galaxies", "--no-wait").returncode == 0
    assert submit(server, path, "--pipeline-name", "galaxies", "--no-wait", "--no-cache").returncode == 0
    one, two = server.all("versions")
    assert "enableCache" in one["file"] and "enableCache" not in two["file"]
    versions = [run["pipeline_version_reference"]["pipeline_version_id"] for run in server.all("runs")]
    assert versions == [one["pipeline_version_id"]] * 2 + [two["pipeline_version_id"]]


def test_a_run_can_be_followed_later(submit, kubeflow, server, path):
    assert submit(server, path, "--no-wait").returncode == 0
    run_id = server.all("runs")[0]["run_id"]
    server.script = [Step("RUNNING", running("Trainer", 40)), *REFUSING]
    result = kubeflow("wait", run_id, "--host", server.url, "--poll", 0.05)
    assert "nothing was published" in line(result, 3)
    assert "Trainer done" in result.stdout
    assert "not found" in line(kubeflow("wait", "another", "--host", server.url), 2)


def test_a_lost_server_does_not_lose_the_run(submit, server, path):
    server.fail("GET", "/runs/", *[answering(503)] * 99)
    said = line(submit(server, path, "--retry-for", 0.3), 1)
    assert f"galmorph kubeflow wait {server.all('runs')[0]['run_id']} --host {server.url}" in said


def test_the_longest_time_to_wait(submit, server, path):
    server.script = [Step("RUNNING", running("Trainer", 40))]
    assert "galmorph kubeflow wait runs-1" in line(submit(server, path, "--timeout", 0.2), 1)


def test_a_token_that_expires_on_the_way(submit, server, path, tmp_path):
    token = tmp_path / "my token"
    token.write_text("t0")
    server.fail("GET", "/runs/", answering(401, "Jwt is expired", "text/plain"))
    said = line(submit(server, path, "--token-file", token), 2)
    assert "(401)" in said and "galmorph kubeflow wait runs-1" in said and f"--token-file '{token}'" in said


def test_ctrl_c_does_not_lose_the_run(server, path):
    server.script = [Step("RUNNING", running("Trainer", 40))]
    words = [str(COMMAND), "kubeflow", "submit", str(path), "--host", server.url, "--poll", "0.05"]
    child = subprocess.Popen(
        words,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    )
    until = time.monotonic() + 60
    while server.looks < 3 and time.monotonic() < until:
        time.sleep(0.05)
    child.send_signal(signal.SIGINT)
    _, said = child.communicate(timeout=30)
    assert child.returncode == 130
    assert said.count("\n") == 1 and "galmorph kubeflow wait runs-1" in said


def test_the_table_on_a_terminal(server, path):
    """Under a pseudo-terminal the table is drawn again and again."""
    import pty

    server.script = [*SUCCEEDING[:3], Step("SUCCEEDED", GOOD + done("PublicationGate", 700, 4))]
    words = [str(COMMAND), "kubeflow", "submit", str(path), "--host", server.url, "--poll", "0.3"]
    leader, follower = pty.openpty()
    child = subprocess.Popen(
        words, stdout=follower, stderr=follower, env=environment(TERM="xterm", COLUMNS="100")
    )
    os.close(follower)
    shown = b""
    while True:
        try:
            read = os.read(leader, 65536)
        except OSError:
            break
        if not read:
            break
        shown += read
    assert child.wait(timeout=60) == 0
    text = shown.decode()
    assert "\x1b[" in text and "10 min 00 s" in text and "running" in text


def test_modules_in_the_users_folder_are_not_imported(tmp_path, path):
    folder = hostile(tmp_path / "here", "kubeflow", "kfp", "yaml", "tenacity")
    words = [str(COMMAND), "kubeflow", "submit", str(path), "--dry-run"]
    result = subprocess.run(words, capture_output=True, text=True, cwd=folder, env=environment())
    assert result.returncode == 0, result.stderr


def test_help_is_quick_and_imports_no_client(kubeflow):
    code = "import pipeline.cli, sys; print(*{name.split('.')[0] for name in sys.modules})"
    result = subprocess.run([str(COMMAND.with_name("python")), "-c", code], capture_output=True, text=True)
    assert not {"kfp", "kfp_server_api", "yaml", "kubernetes", "requests"} & set(result.stdout.split())
    assert "submit" in kubeflow("--help").stdout
