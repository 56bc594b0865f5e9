"""`galmorph serve` as a process."""

import os
import re
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import requests
from served import fits_bytes, galaxies, publish, serving

pytestmark = pytest.mark.slow  # a server in a process of its own

STANDS_IN = """
import json, sys
from http.server import BaseHTTPRequestHandler, HTTPServer
options = dict(word.split("=", 1) for word in sys.argv[1:] if "=" in word)
class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps({"model_version_status": [{"version": "1", "state": "AVAILABLE"}]}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
print(open(options["--model_config_file"]).read(), flush=True)
HTTPServer(("127.0.0.1", int(options["--rest_api_port"])), Handler).serve_forever()
"""


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("with [brackets]") / "models"
    publish(folder / "1", seed=1)
    return folder


@pytest.fixture(scope="module")
def server(models):
    with serving(models, "--embedded") as running:
        yield running


def serve(*words, **environment):
    command = [sys.executable, "-P", "-m", "pipeline.cli", "serve", *map(str, words)]
    folder = Path(__file__).parents[2]
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", **environment}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120)


def last_line(text):
    return text.strip().splitlines()[-1]


def test_a_path_with_brackets_is_served(server):
    assert requests.get(server.model, timeout=10).json()["model_version_status"][0]["version"] == "1"


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_the_line_to_try_works_as_it_is(server, tmp_path, shell):
    flux = galaxies(1, side=60)[0]
    for place, band in enumerate("IRG"):
        (tmp_path / f"{band}.fits").write_bytes(fits_bytes(flux[..., place]))
    text = server.log.read_text()
    line = text[text.index("printf") :]
    line = line[: line.index(":predict") + len(":predict")]
    ran = subprocess.run([shell, "-c", line], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0 and '"p_elliptical": 0.' in ran.stdout, ran.stdout + ran.stderr


@pytest.mark.parametrize("option", ["--rest-port", "--grpc-port"])
def test_a_port_in_use_is_one_line(models, option):
    other = "--grpc-port" if option == "--rest-port" else "--rest-port"
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ran = serve(models, "--embedded", option, port, other, 0)
    assert ran.returncode == 2 and "Traceback" not in ran.stderr
    assert last_line(ran.stderr).startswith(f"galmorph: {option} {port} of 127.0.0.1 cannot be opened")


def test_a_folder_without_model_is_one_line(tmp_path):
    for folder, says in ((tmp_path, "holds neither"), (tmp_path / "none", "does not exist")):
        ran = serve(folder)
        assert ran.returncode == 2
        assert ran.stderr.startswith("galmorph: ") and says in ran.stderr and ran.stderr.count("\n") == 1


def test_a_model_that_cannot_be_loaded_is_one_line(tmp_path, models):
    import shutil

    shutil.copytree(models / "1", tmp_path / "models" / "1")
    (tmp_path / "models" / "1" / "saved_model.pb").write_bytes(b"damaged")
    ran = serve(tmp_path / "models", "--embedded", "--rest-port", 0, "--grpc-port", 0)
    assert ran.returncode == 2 and "Traceback" not in ran.stderr
    assert "no version can be loaded; version 1: " in last_line(ran.stderr)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_end_it_with_status_0(models, number):
    with serving(models, "--embedded") as running:
        running.process.send_signal(number)
        assert running.process.wait(40) == 0
        assert last_line(running.log.read_text()) == "stopped"


def test_without_tf_serving_and_docker_a_notice_says_so(models, tmp_path):
    with serving(models, PATH=str(tmp_path), TF_SERVING_BIN="") as running:
        assert "No tensorflow_model_server is on the PATH" in running.log.read_text()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_tf_serving_is_started_and_ended(models, tmp_path, number):
    program = tmp_path / "tensorflow_model_server"
    program.write_text(f"#!{sys.executable}\n{STANDS_IN}")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    with serving(models, TF_SERVING_BIN=str(program)) as running:
        text = running.log.read_text()
        assert f"TF Serving: {program}" in text and 'name: "galmorph"' in text and "page" not in text
        running.process.send_signal(number)
        assert running.process.wait(40) == 0
    with pytest.raises(requests.ConnectionError):
        requests.get(running.model, timeout=5)


def test_a_variable_that_names_no_program_is_one_line(models):
    ran = serve(models, TF_SERVING_BIN="/no/such/program")
    assert ran.returncode == 2 and last_line(ran.stderr).startswith(
        "galmorph: TF_SERVING_BIN=/no/such/program"
    )


def examples(kind):
    text = (Path(__file__).parents[2] / "docs" / "serving.md").read_text()
    section = text[text.index("## A server on this machine") :]
    return re.findall(rf"```{kind}\n(.*?)```", section, re.DOTALL)


@pytest.mark.parametrize("library", ["requests", "grpc"])
def test_the_python_clients_of_the_documentation_work(server, tmp_path, library):
    (code,) = [code for code in examples("python") if f"import {library}" in code]
    flux = galaxies(2, side=60)
    for place, name in enumerate(("ngc1", "ngc2")):
        for plane, band in enumerate("IRG"):
            (tmp_path / f"{name}_{band}.fits").write_bytes(fits_bytes(flux[place, ..., plane]))
    code = code.replace("http://127.0.0.1:8501", server.url).replace("127.0.0.1:8500", server.grpc)
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=120
    )
    assert ran.returncode == 0, ran.stderr
    lines = [line.split() for line in ran.stdout.splitlines()]
    assert [line[0] for line in lines] == ["ngc1", "ngc2"]
    assert all(line[1] in ("spiral", "elliptical", "uncertain") for line in lines)
    assert all(0 < float(line[2]) < 1 for line in lines)


def test_the_line_of_the_documentation_is_the_one_that_is_printed(server):
    (documented,) = [code for code in examples("sh") if "printf" in code]
    text = server.log.read_text()
    printed = text[text.index("printf") : text.index(":predict", text.index("printf")) + len(":predict")]
    plain = documented.replace("\\\n", "").replace("http://127.0.0.1:8501", server.url)
    assert plain.split() == printed.split()
