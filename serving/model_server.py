"""Find TF Serving on this machine, as a program or by Docker, and run it on a published model."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from serving.published import is_version

BINARY = "tensorflow_model_server"
BINARY_VARIABLE = "TF_SERVING_BIN"
"""Environment variable with the path of the program, where it is not on the PATH."""

_CONFIG = Path(__file__).parent / "config"
_IN_IMAGE = "/models/galmorph"
_LABELS = re.compile(r"^ *version_labels \{.*?\}\n", re.DOTALL | re.MULTILINE)
_BASE_PATH = re.compile(r'(base_path: )"[^"]*"')
_FLAGS = (
    "--enable_model_warmup",
    "--file_system_poll_wait_seconds=5",
    "--num_load_threads=1",
    "--num_unload_threads=1",
    "--max_num_load_retries=2",
)
_LOADING = 600.0  # seconds
_STOPPING = 30.0


class ModelServerError(ValueError):
    """TF Serving cannot be started; the message is one line."""


@dataclass(frozen=True)
class Ports:
    """Where TF Serving listens.

    Attributes
    ----------
    host : str
        Address to which Docker binds; the program itself listens on all.
    rest, grpc : int
    """

    host: str
    rest: int
    grpc: int


def find_binary() -> str | None:
    """Return the path of ``tensorflow_model_server``, or None.

    Raises
    ------
    ModelServerError
        If ``TF_SERVING_BIN`` names no program.
    """
    named = os.environ.get(BINARY_VARIABLE)
    if not named:
        return shutil.which(BINARY)
    found = shutil.which(named)
    if found is None:
        raise ModelServerError(f"{BINARY_VARIABLE}={named} is not a program that can be run")
    return found


def docker_answers() -> bool:
    """Return whether Docker is installed and its engine runs."""
    if shutil.which("docker") is None:
        return False
    try:
        asked = subprocess.run(
            ["docker", "info", "--format", "{{.ServerVersion}}"], capture_output=True, timeout=20
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    # Without an engine, some versions print an error and end with 0.
    return asked.returncode == 0 and bool(asked.stdout.strip())


def free_ports(host: str, rest: int, grpc: int) -> Ports:
    """Return the ports, with free ones in place of 0; raise `ModelServerError` if one is in use."""
    if rest == grpc and rest:
        raise ModelServerError(f"--rest-port and --grpc-port are both {rest}; the interfaces need two ports")
    chosen = []
    for option, port in (("--rest-port", rest), ("--grpc-port", grpc)):
        try:
            family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
            with closing(socket.socket(family, kind, protocol)) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(address)
                chosen.append(probe.getsockname()[1])
        except OSError as error:
            raise ModelServerError(f"{option} {port} of {host} cannot be opened: {error.strerror}") from error
    return Ports(host, *chosen)


@contextmanager
def binary_command(program: str, model: Path, ports: Ports) -> Iterator[list[str]]:
    """Yield the command that serves a model by the program; its files exist within the context.

    Parameters
    ----------
    program : str
    model : Path
        Folder of the versions, or of one version.
    ports : Ports
    """
    with tempfile.TemporaryDirectory(prefix="galmorph-serve-") as folder:
        base = model.absolute()
        if (number := _only_version(model)) is not None:
            base = Path(folder) / "models"
            base.mkdir()
            (base / number).symlink_to(model.absolute(), target_is_directory=True)
        config = _write_config(Path(folder), str(base))
        yield [
            program,
            f"--port={ports.grpc}",
            f"--rest_api_port={ports.rest}",
            f"--model_config_file={config}",
            f"--monitoring_config_file={_CONFIG / 'monitoring.config'}",
            *_FLAGS,
        ]


@contextmanager
def docker_command(image: str, model: Path, ports: Ports) -> Iterator[list[str]]:
    """Yield the command that serves a model by Docker, with the model mounted read-only."""
    with tempfile.TemporaryDirectory(prefix="galmorph-serve-") as folder:
        os.chmod(folder, 0o755)  # the container's user may be another
        number = _only_version(model)
        _write_config(Path(folder), _IN_IMAGE)
        shutil.copyfile(_CONFIG / "monitoring.config", Path(folder) / "monitoring.config")
        host = f"[{ports.host}]" if ":" in ports.host else ports.host
        target = _IN_IMAGE if number is None else f"{_IN_IMAGE}/{number}"
        yield [
            *("docker", "run", "--rm", "--init", "--read-only", "--tmpfs", "/tmp"),
            *("--publish", f"{host}:{ports.grpc}:8500", "--publish", f"{host}:{ports.rest}:8501"),
            *("--mount", _mount(model.absolute(), target), "--mount", _mount(Path(folder), "/config")),
            *("--entrypoint", BINARY, image, "--port=8500", "--rest_api_port=8501"),
            "--model_config_file=/config/models.config",
            "--monitoring_config_file=/config/monitoring.config",
            *_FLAGS,
        ]


def supervise(command: list[str], ports: Ports, ready: Callable[[int], None]) -> None:
    """Run TF Serving until SIGINT or SIGTERM.

    Parameters
    ----------
    command : list of str
    ports : Ports
    ready : callable
        Called with the newest version once that can be used.

    Raises
    ------
    ModelServerError
        If it cannot be started, or ends by itself.
    """
    stopped = False
    try:
        # A session of its own, so that Ctrl-C reaches it through this process only.
        process = subprocess.Popen(command, start_new_session=True)
    except OSError as error:
        raise ModelServerError(f"{command[0]} cannot be started: {error.strerror}") from error

    def stop(number: int, frame: object) -> None:
        nonlocal stopped
        stopped = True
        process.terminate()

    earlier = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        version = _wait_until_ready(process, ports)
        if version is not None:
            ready(version)
            process.wait()
        if stopped:
            process.wait(_STOPPING)
        else:
            raise ModelServerError(f"{command[0]} ended by itself with status {process.returncode}")
    except subprocess.TimeoutExpired:
        process.kill()
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        for number, handler in earlier.items():
            signal.signal(number, handler)


def available_versions(rest_url: str) -> list[int]:
    """Return the versions that a server says are available, newest first; empty if it does not answer."""
    try:
        with urllib.request.urlopen(f"{rest_url}/v1/models/galmorph", timeout=5) as answer:
            statuses = json.load(answer)["model_version_status"]
        return sorted(
            (int(each["version"]) for each in statuses if each["state"] == "AVAILABLE"), reverse=True
        )
    except (OSError, ValueError, KeyError, TypeError):
        return []


def _wait_until_ready(process: subprocess.Popen, ports: Ports) -> int | None:
    """Return the newest version that is available, or None if the process has ended."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(ports.host, ports.host)
    url = f"http://{f'[{host}]' if ':' in host else host}:{ports.rest}"
    until = time.monotonic() + _LOADING
    while process.poll() is None:
        if versions := available_versions(url):
            return versions[0]
        if time.monotonic() > until:
            process.terminate()
            raise ModelServerError(f"TF Serving has not loaded the model within {_LOADING:g} seconds")
        time.sleep(0.2)
    return None


def _only_version(model: Path) -> str | None:
    """Return the number under which one version's folder is served, or None for a folder of versions."""
    if not is_version(model):
        return None
    return model.absolute().name if model.absolute().name.isdecimal() else "1"


def _write_config(folder: Path, base_path: str) -> Path:
    """Write the project's model configuration for a folder.

    The labels are left out: TF Serving refuses those of a version that is not there, and does not move them.
    """
    text = _LABELS.sub("", (_CONFIG / "models.config").read_text(encoding="utf-8"))
    quoted = json.dumps(base_path, ensure_ascii=False)  # escapes as the text format of protobuf does
    config = folder / "models.config"
    config.write_text(_BASE_PATH.sub(lambda found: found[1] + quoted, text), encoding="utf-8")
    config.chmod(0o644)
    return config


def _mount(source: Path, target: str) -> str:
    # Comma-separated values, in which a path may hold commas if it is quoted.
    quoted = f"source={source}".replace('"', '""')
    return f'type=bind,"{quoted}",target={target},readonly'
