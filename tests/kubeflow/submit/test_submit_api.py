"""The client against a server on this machine that misbehaves in the ways that people report."""

import ssl
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from kfp_package import DEFAULTS, NODES, write_package
from kfp_server import (
    GOOD,
    REFUSING,
    SUCCEEDING,
    Step,
    after,
    answering,
    failed,
    kfp_server,
    page,
    reset,
    running,
    slow,
)

from kubeflow.submit.access import Access
from kubeflow.submit.api import Pipelines, Submission
from kubeflow.submit.errors import BusyError, NotFollowedError, SubmitError, UnreachableError
from kubeflow.submit.follow import Patience, follow
from kubeflow.submit.nodes import State
from kubeflow.submit.outcome import End
from kubeflow.submit.recurring import schedule
from kubeflow.submit.token import Token

HEALTH = "/healthz"
RUN = "/runs/"


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def server():
    with kfp_server() as server:
        yield server


def connected(server, patience: float = 5.0, **access: object) -> Pipelines:
    pipelines = Pipelines(Access(server.url, **{"timeouts": (2.0, 2.0), **access}), patience)
    pipelines.connect()
    return pipelines


def submission(folder, **more: object) -> Submission:
    return Submission(write_package(folder), "a run", DEFAULTS, **more)


def refusal(server, **access: object) -> str:
    with pytest.raises(SubmitError) as caught:
        connected(server, patience=0.5, **access)
    message = str(caught.value)
    assert "\n" not in message and len(message) < 500
    return message


def test_a_run_gets_all_that_was_asked(server, tmp_path):
    pipelines = connected(server)
    experiment, made = pipelines.experiment("galaxies")
    assert made and pipelines.experiment("galaxies") == (experiment, False)
    run_id = pipelines.create_run(
        experiment, submission(tmp_path, pipeline_root="s3://b/a", service_account="trainer", caching=False)
    )
    (run,) = server.all("runs")
    assert run["run_id"] == run_id and run["experiment_id"] == experiment
    assert run["service_account"] == "trainer"
    assert run["runtime_config"] == {"parameters": DEFAULTS, "pipeline_root": "s3://b/a"}
    sent = run["pipeline_spec"]
    tasks = sent["pipeline_spec"]["root"]["dag"]["tasks"]
    assert set(tasks) == set(NODES) and all(not task["cachingOptions"] for task in tasks.values())
    assert sent["platform_spec"]["platforms"]["kubernetes"]


def test_nothing_is_printed_and_nothing_written_to_the_home(server, tmp_path, capfd, monkeypatch):
    """KFP's own client prints links, and may write the namespace into ~/.config/kfp."""
    monkeypatch.setattr("kfp.client.Client._LOCAL_KFP_CONTEXT", str(tmp_path / "kfp/context.json"))
    pipelines = connected(server)
    pipelines.create_run(pipelines.experiment("galaxies")[0], submission(tmp_path))
    assert capfd.readouterr() == ("", "")
    assert not (tmp_path / "kfp").exists()


def test_a_namespace_that_another_program_left_behind_does_not_count(tmp_path, monkeypatch):
    context = tmp_path / "context.json"
    context.write_text('{"namespace": "of-bob"}')
    monkeypatch.setattr("kfp.client.Client._LOCAL_KFP_CONTEXT", str(context))
    with kfp_server(multi_user=True, namespaces=("ana",)) as server:
        assert "--namespace" in refusal(server)
        pipelines = connected(server, namespace="ana")
        pipelines.create_run(pipelines.experiment("galaxies")[0], submission(tmp_path))
        assert {asked.query["namespace"] for asked in server.requests("GET", ".*/experiments")} == {"ana"}
        assert server.all("experiments")[0]["namespace"] == "ana"
    context.write_text("{not JSON")
    with kfp_server() as server:
        assert "context.json" in refusal(server)


def test_namespaces(server, tmp_path, monkeypatch):
    assert "one user" in refusal(server, namespace="ana")
    with kfp_server(multi_user=True, namespaces=("ana",)) as platform:
        with pytest.raises(SubmitError, match=r"\(403\): check --namespace .*not authorized in bob"):
            connected(platform, namespace="bob").experiment("galaxies")
        monkeypatch.setattr("kubeflow.submit.access.IN_CLUSTER_NAMESPACE", tmp_path / "namespace")
        (tmp_path / "namespace").write_text("ana")
        assert connected(platform).namespace == "ana"


def test_tokens_are_read_for_every_request(tmp_path):
    with kfp_server(token="first") as server:
        assert "--token-file" in refusal(server)
        assert "(401)" in refusal(server, token=Token("x", text="another"))
        file = tmp_path / "token"
        file.write_text("first")
        pipelines = connected(server, token=Token("--token-file token", file))
        server.token = "renewed"
        with pytest.raises(SubmitError, match="401"):
            pipelines.experiment("galaxies")
        file.write_text("renewed")
        assert pipelines.experiment("galaxies")[1]


def test_cookies():
    with kfp_server(cookie="authservice_session=abc") as server:
        assert "(401)" in refusal(server)
        assert connected(server, cookie="authservice_session=abc")


@pytest.mark.parametrize("prefix", ["", "/pipeline"])
def test_an_address_with_a_path(prefix):
    with kfp_server(prefix=prefix) as server:
        connected(server)
        if prefix:
            server.url = server.url.removesuffix(prefix)
            assert "/pipeline" in refusal(server)


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (page("Log in to dex"), "page to log in (Log in to dex): give a token"),
        (page("Kubeflow Central Dashboard"), "a page (Kubeflow Central Dashboard), not as the API"),
        (answering(302, Location="/dex/auth/local?client_id=kf&state=secret"), "sends us to log in"),
        (answering(302, Location="https://accounts.google.com/o/oauth2/v2/auth?x=y"), "accounts.google.com"),
        (
            answering(301, Location="https://kf.example.org/apis/v2beta1/healthz"),
            "--host https://kf.example.org",
        ),
        (answering(403, "RBAC: access denied", "text/plain"), "(403): check --namespace and the token: RBAC"),
        (page("Sign in", 403), "(403)"),
        (page("Cannot GET /pipeline/apis/v2beta1/healthz", 404), "KFP 1 is not supported"),
        (answering(404, '{"code": 5, "message": "Not Found"}'), "KFP 1 is not supported"),
        (answering(200, ""), "not as the API"),
        (answering(200, "OK", "text/plain"), "not as the API"),
        (
            answering(
                500, '{"message": "Internal error: Unauthenticated: there is no user identity header."}'
            ),
            "(401)",
        ),
        (answering(500, '{"message": "database is locked"}'), "failed (500): database is locked"),
        (answering(418, "[1]"), "refuses (418)"),
        (answering(413, "<html>Request Entity Too Large</html>", "text/html"), "too large"),
    ],
)
def test_answers_of_others_than_the_api(server, fault, said):
    server.fail("GET", HEALTH, fault)
    message = refusal(server)
    assert said in message and "secret" not in message and server.url in message


@pytest.mark.parametrize(
    "body",
    [
        '{"experiments": [{"created_at": "yesterday"}]}',
        '{"experiments": 3}',
        '{"experiments": [3]}',
        '{"experiments": "some"}',
    ],
)
def test_json_of_something_else(server, body):
    pipelines = connected(server)
    server.fail("GET", "/experiments", answering(200, body))
    with pytest.raises(SubmitError, match=server.url):
        pipelines.experiment("galaxies")


def test_a_server_that_is_busy_is_asked_again(server, tmp_path):
    busy = answering(503, "upstream connect error or disconnect/reset before headers", "text/plain")
    server.fail("GET", HEALTH, busy, reset)
    pipelines = connected(server)
    server.fail("GET", "/experiments", answering(502), reset)
    server.fail("POST", "/experiments", answering(504))
    experiment, _ = pipelines.experiment("galaxies")
    assert len(server.all("experiments")) == 1
    server.fail("POST", "/runs", busy)
    pipelines.create_run(experiment, submission(tmp_path))
    assert len(server.all("runs")) == 1


def test_a_server_that_stays_busy(server):
    server.fail("GET", HEALTH, *[answering(503)] * 20)
    assert "(503)" in refusal(server)


@pytest.mark.parametrize("fault", [reset, answering(504), slow(3.0)])
def test_a_lost_answer_does_not_start_two_runs(server, tmp_path, fault):
    pipelines = connected(server)
    experiment, _ = pipelines.experiment("galaxies")
    earlier = pipelines.create_run(experiment, submission(tmp_path))
    server.fail("POST", "/runs", after(fault))
    run_id = pipelines.create_run(experiment, submission(tmp_path))
    assert {run["run_id"] for run in server.all("runs")} == {earlier, run_id}
    server.fail("POST", "/recurringruns", after(fault))
    job = pipelines.create_recurring_run(experiment, "0 0 3 * * 1", submission(tmp_path))
    assert [run["recurring_run_id"] for run in server.all("recurringruns")] == [job]


def test_a_run_that_could_not_be_started(server, tmp_path):
    pipelines = connected(server, patience=0.5)
    experiment, _ = pipelines.experiment("galaxies")
    server.fail("POST", "/runs", *[answering(503)] * 9)
    with pytest.raises(SubmitError, match="no run was made"):
        pipelines.create_run(experiment, submission(tmp_path))
    assert server.all("runs") == []


def test_a_slow_server(server):
    server.fail("GET", HEALTH, *[slow(1.0)] * 9)
    with pytest.raises(BusyError, match="did not answer in time"):
        connected(server, patience=0.1, timeouts=(1.0, 0.2))


@pytest.mark.parametrize("host", ["http://127.0.0.1:1", "http://no-such-host.invalid"])
def test_no_server(host):
    pipelines = Pipelines(Access(host, timeouts=(2.0, 2.0)))
    started = time.monotonic()
    with pytest.raises(UnreachableError, match="cannot be reached"):
        pipelines.connect()
    assert time.monotonic() - started < 10  # not asked again for the whole of the patience


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    command = (
        "openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 2 -subj /CN=localhost"
    )
    subprocess.run(
        [*command.split(), "-addext", "subjectAltName=DNS:localhost"],
        cwd=folder,
        check=True,
        capture_output=True,
    )
    return folder


def test_tls(certificate, server):
    class Health(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answering(200, "{}")(self)

        def log_message(self, format: str, *args: object) -> None:
            pass

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
    http = ThreadingHTTPServer(("127.0.0.1", 0), Health)
    http.socket = context.wrap_socket(http.socket, server_side=True)
    threading.Thread(target=http.serve_forever, daemon=True).start()
    try:
        host = f"https://localhost:{http.server_port}"
        with pytest.raises(SubmitError, match="--ca-cert"):
            Pipelines(Access(host, timeouts=(2.0, 2.0))).connect()
        Pipelines(Access(host, ca_cert=certificate / "cert.pem", timeouts=(2.0, 2.0))).connect()
        with pytest.raises(SubmitError, match="another host"):
            Pipelines(
                Access(host.replace("localhost", "127.0.0.1"), ca_cert=certificate / "cert.pem")
            ).connect()
    finally:
        http.shutdown()
        http.server_close()
    with pytest.raises(SubmitError, match="does not speak TLS"):
        Pipelines(Access(server.url.replace("http:", "https:"), timeouts=(2.0, 2.0))).connect()


def test_proxies_of_the_environment_count(server, monkeypatch):
    """KFP's own client takes no notice of them."""
    monkeypatch.setenv("http_proxy", server.url)
    Pipelines(Access("http://kf.example.invalid", timeouts=(2.0, 2.0))).connect()
    assert server.asked[-1].headers["Host"] == "kf.example.invalid"
    monkeypatch.setenv("no_proxy", "kf.example.invalid")
    with pytest.raises(UnreachableError):
        Pipelines(Access("http://kf.example.invalid", timeouts=(2.0, 2.0))).connect()


def test_pipelines_are_uploaded_once(server, tmp_path):
    pipelines = connected(server)
    path = write_package(tmp_path)
    pipeline, version, new = pipelines.upload(path, "galaxies", "sha256-1")
    assert new and pipelines.upload(path, "galaxies", "sha256-1") == (pipeline, version, False)
    assert pipelines.upload(path, "galaxies", "sha256-2")[0] == pipeline
    assert path.read_text() in server.all("versions")[0]["file"]
    experiment, _ = pipelines.experiment("galaxies")
    run_id = pipelines.create_run(experiment, submission(tmp_path, version=(pipeline, version)))
    (run,) = server.all("runs")
    assert run["pipeline_version_reference"] == {"pipeline_id": pipeline, "pipeline_version_id": version}
    assert "pipeline_spec" not in run and run["runtime_config"]["parameters"] == DEFAULTS
    server.kept["versions"][version]["pipeline_spec"] = {"root": {"dag": {"tasks": {"Trainer": {}}}}}
    assert set(pipelines.specification(pipelines.run(run_id))["root"]["dag"]["tasks"]) == {"Trainer"}


def looks(server, tmp_path, script: list[Step], notes: list[str] | None = None, **patience: object) -> list:
    server.script = script
    pipelines = connected(server)
    run_id = pipelines.create_run(pipelines.experiment("galaxies")[0], submission(tmp_path))
    chosen = Patience(**{"poll": 0.02, "retry_for": 3.0, **patience})
    return list(follow(pipelines, run_id, NODES, chosen, (notes if notes is not None else []).append))


def test_a_run_is_followed_to_its_end(server, tmp_path):
    seen = looks(server, tmp_path, SUCCEEDING)
    assert [look.outcome is None for look in seen] == [True, True, True, False]
    assert seen[-1].outcome.end is End.SUCCEEDED
    assert {node.state for node in seen[-1].nodes} == {State.DONE}


def test_nodes_that_lag_behind_the_run(server, tmp_path):
    """The persistence agent stores a run first and its nodes after, and a refusal is seen by a node."""
    late = [Step("FAILED", GOOD), Step("FAILED", GOOD + running("PublicationGate", 700)), *REFUSING[1:]]
    assert looks(server, tmp_path, late)[-1].outcome.end is End.REFUSED
    server.looks = 0
    assert looks(server, tmp_path, [Step("FAILED", GOOD)])[-1].outcome.end is End.FAILED


def test_faults_while_a_run_is_followed(server, tmp_path):
    notes: list[str] = []
    server.fail(
        "GET",
        RUN,
        answering(503),
        answering(502),
        reset,
        answering(500, '{"message": "deadlock"}'),
        page("Bad gateway", 504),
    )
    assert looks(server, tmp_path, REFUSING, notes)[-1].outcome.end is End.REFUSED
    assert len(notes) == 1 and "(503)" in notes[0] and "up to 3 s" in notes[0]


def test_a_server_that_has_gone(server, tmp_path):
    server.fail("GET", RUN, *[answering(503)] * 99)
    with pytest.raises(NotFollowedError, match=r"\(503\), for 0\.3 s"):
        looks(server, tmp_path, REFUSING, retry_for=0.3)


def test_the_time_is_over(server, tmp_path):
    with pytest.raises(NotFollowedError, match=r"0\.1 s"):
        looks(server, tmp_path, [Step("RUNNING", running("Trainer", 40))], timeout=0.1)


def test_a_token_that_expires_while_a_run_is_followed(server, tmp_path):
    server.fail("GET", RUN, answering(401, "Jwt is expired", "text/plain"))
    with pytest.raises(SubmitError, match=r"\(401\).*Jwt is expired"):
        looks(server, tmp_path, REFUSING)


def test_a_run_that_is_not_there(server):
    with pytest.raises(SubmitError, match="no-such-run not found"):
        connected(server).run("no-such-run")


def test_a_failed_run(server, tmp_path):
    ended = looks(server, tmp_path, [Step("FAILED", GOOD[:3] + failed("Trainer", 40, 30))])[-1].outcome
    assert ended.end is End.FAILED and ended.reason.startswith("Trainer failed")


def test_recurring_runs_of_one_name(server, tmp_path):
    pipelines = connected(server)
    experiment, _ = pipelines.experiment("galaxies")
    weekly = submission(tmp_path)
    first = schedule(pipelines, experiment, "0 0 3 * * 1", weekly, replace=False)
    assert (first.deleted, first.disabled) == ([], [])
    with pytest.raises(SubmitError, match="--replace"):
        schedule(pipelines, experiment, "0 0 3 * * 1", weekly, replace=False)
    assert len(server.all("recurringruns")) == 1
    second = schedule(pipelines, experiment, "0 0 4 * * 1", weekly, replace=True)
    assert second.deleted == [first.made]
    (job,) = server.all("recurringruns")
    assert job["recurring_run_id"] == second.made and job["trigger"]["cron_schedule"]["cron"] == "0 0 4 * * 1"


def test_a_recurring_run_is_not_deleted_under_a_run_in_progress(server, tmp_path):
    """Kubernetes deletes the workflows of a recurring run together with it."""
    pipelines = connected(server)
    experiment, _ = pipelines.experiment("galaxies")
    first = schedule(pipelines, experiment, "0 0 3 * * 1", submission(tmp_path), replace=False).made
    run = {"display_name": "by the clock", "recurring_run_id": first, "state": "RUNNING"}
    server.keep("runs", "run_id", run)
    second = schedule(pipelines, experiment, "0 0 3 * * 1", submission(tmp_path), replace=True)
    assert (second.deleted, second.disabled) == ([], [first])
    states = {job["recurring_run_id"]: job["status"] for job in server.all("recurringruns")}
    assert states == {first: "DISABLED", second.made: "ENABLED"}
    run["state"] = "SUCCEEDED"
    third = schedule(pipelines, experiment, "0 0 3 * * 1", submission(tmp_path), replace=True)
    assert third.deleted == [first, second.made]


def test_a_schedule_stays_if_its_successor_is_refused(server, tmp_path):
    pipelines = connected(server)
    experiment, _ = pipelines.experiment("galaxies")
    first = schedule(pipelines, experiment, "0 0 3 * * 1", submission(tmp_path), replace=False).made
    server.fail("POST", "/recurringruns$", answering(403, '{"message": "not yours"}'))
    with pytest.raises(SubmitError, match="not yours"):
        schedule(pipelines, experiment, "0 0 3 * * 1", submission(tmp_path), replace=True)
    assert [job["status"] for job in server.all("recurringruns")] == ["ENABLED"]
    server.fail("POST", ":disable$", answering(403, '{"message": "not yours"}'))
    with pytest.raises(SubmitError, match=f"not yours; the new .*{first}"):
        schedule(pipelines, experiment, "0 0 3 * * 1", submission(tmp_path), replace=True)
