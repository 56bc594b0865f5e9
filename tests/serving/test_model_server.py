"""The command lines that start TF Serving. The program itself is not at hand: a script stands in for it."""

import os
import stat
import sys

import pytest
from google.protobuf import text_format
from test_published import publish

from serving import model_server
from serving.model_server import ModelServerError, Ports

PORTS = Ports("127.0.0.1", 8501, 8500)


@pytest.fixture
def models(tmp_path):
    folder = tmp_path / 'mo"dels, new'
    for version in (1, 2):
        publish(folder / str(version))
    return folder


def program(path, text):
    path.write_text(f"#!{sys.executable}\n{text}")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def options(command):
    return dict(word.split("=", 1) for word in command if word.startswith("--") and "=" in word)


def read_config(path):
    from tensorflow_serving.config.model_server_config_pb2 import ModelServerConfig

    with open(path) as stream:
        (config,) = text_format.Parse(stream.read(), ModelServerConfig()).model_config_list.config
    return config


def test_the_program_gets_the_projects_configuration(models):
    with model_server.binary_command("/bin/server", models, PORTS) as command:
        given = options(command)
        config = read_config(given["--model_config_file"])
        assert command[0] == "/bin/server"
        assert (given["--port"], given["--rest_api_port"]) == ("8500", "8501")
        assert (config.name, config.base_path) == ("galmorph", str(models))
        assert config.model_version_policy.latest.num_versions == 2 and not config.version_labels
        assert os.path.isfile(given["--monitoring_config_file"])
    assert not os.path.exists(given["--model_config_file"])


def test_one_version_is_given_a_folder_of_its_own(models):
    with model_server.binary_command("/bin/server", models / "2", PORTS) as command:
        base = read_config(options(command)["--model_config_file"]).base_path
        assert os.listdir(base) == ["2"] and os.path.samefile(f"{base}/2", models / "2")
    (models / "2").rename(models / "mine")
    with model_server.binary_command("/bin/server", models / "mine", PORTS) as command:
        assert os.listdir(read_config(options(command)["--model_config_file"]).base_path) == ["1"]


def test_docker_mounts_the_model_read_only(models):
    with model_server.docker_command("some/image:1", models, PORTS) as command:
        mounts = [command[place + 1] for place, word in enumerate(command) if word == "--mount"]
        # Docker reads comma-separated values, in which quotation marks are doubled.
        source = str(models).replace('"', '""')
        assert f'type=bind,"source={source}",target=/models/galmorph,readonly' in mounts
        assert "127.0.0.1:8501:8501" in command and "some/image:1" in command
        (folder,) = [mount.split('"source=')[1].split('"')[0] for mount in mounts if "/config" in mount]
        assert read_config(f"{folder}/models.config").base_path == "/models/galmorph"


def test_the_program_is_found_by_variable_or_path(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("TF_SERVING_BIN", raising=False)
    assert model_server.find_binary() is None
    on_path = program(tmp_path / "tensorflow_model_server", "")
    assert model_server.find_binary() == str(on_path)
    other = program(tmp_path / "other", "")
    monkeypatch.setenv("TF_SERVING_BIN", str(other))
    assert model_server.find_binary() == str(other)
    monkeypatch.setenv("TF_SERVING_BIN", str(tmp_path / "nothing"))
    with pytest.raises(ModelServerError, match=r"TF_SERVING_BIN=.*nothing"):
        model_server.find_binary()


@pytest.mark.parametrize(
    ("script", "answers"),
    [
        ("print('28.0')", True),
        ("import sys; sys.exit(1)", False),
        ("import sys; print('no engine', file=sys.stderr)", False),
    ],
)
def test_docker_counts_only_if_its_engine_answers(monkeypatch, tmp_path, script, answers):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert not model_server.docker_answers()
    program(tmp_path / "docker", script)
    assert model_server.docker_answers() is answers


def test_ports_are_chosen_and_tried():
    ports = model_server.free_ports("127.0.0.1", 0, 0)
    assert ports.rest and ports.grpc and ports.rest != ports.grpc
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(ModelServerError, match=f"--rest-port {taken.getsockname()[1]} .*in use"):
            model_server.free_ports("127.0.0.1", taken.getsockname()[1], 0)
    with pytest.raises(ModelServerError, match=r"--rest-port 0 of no\.such\.host"):
        model_server.free_ports("no.such.host.invalid", 0, 0)


def test_a_program_that_ends_is_an_error(tmp_path):
    ends = program(tmp_path / "server", "import sys; sys.exit(3)")
    with pytest.raises(ModelServerError, match="ended by itself with status 3"):
        model_server.supervise([str(ends)], model_server.free_ports("127.0.0.1", 0, 0), print)
