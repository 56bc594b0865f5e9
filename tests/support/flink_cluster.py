"""Apache Flink on this machine: Beam's job server with an embedded mini-cluster, and a pool of workers.

The libraries (160 files, 180 MB) come through Maven, once; later runs find them in Maven's own folder.
"""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

POM = Path(__file__).parent / "flink" / "pom.xml"
_MODULES = ("java.lang", "java.util", "java.nio", "sun.nio.ch")  # that Flink opens by reflection
_CONFIGURATION = """
restart-strategy.type: fixed-delay
restart-strategy.fixed-delay.attempts: 1
restart-strategy.fixed-delay.delay: 1 s
"""
_DOWNLOAD, _START, _END = 600, 120, 20  # time allowed [s]


def _classpath(folder: Path) -> str:
    """Return the class path of the job server; skip the test if it cannot be had."""
    for program in ("java", "mvn"):
        if shutil.which(program) is None:
            pytest.skip(f"Flink needs {program}, which is not installed")
    found = folder / "classpath"
    goal = "org.apache.maven.plugins:maven-dependency-plugin:build-classpath"
    said = ""
    for mode in (["-o"], []):  # without the network first
        command = ["mvn", "-q", "-B", *mode, "-f", str(POM), goal, f"-Dmdep.outputFile={found}"]
        try:
            maven = subprocess.run(command, capture_output=True, text=True, timeout=_DOWNLOAD)
        except subprocess.TimeoutExpired:
            pytest.skip(f"Maven did not get Beam's Flink runner within {_DOWNLOAD} s")
        if maven.returncode == 0 and found.exists():
            return found.read_text().strip()
        said = " ".join(maven.stdout.split())[:300]
    pytest.skip(f"Maven cannot get Beam's Flink runner: {said}")


@contextmanager
def job_server(folder: Path) -> Iterator[str]:
    """Context with a job server on free ports, which repeats what failed once; yields host and port."""
    (folder / "flink-conf.yaml").write_text(_CONFIGURATION)
    opened = [f"--add-opens=java.base/{module}=ALL-UNNAMED" for module in _MODULES]
    server = "org.apache.beam.runners.flink.FlinkJobServerDriver"
    ports = ["--job-host=localhost", "--job-port=0", "--artifact-port=0", "--expansion-port=-1"]
    command = ["java", "-Xmx1g", f"-Djava.io.tmpdir={folder}", *opened, "-cp", _classpath(folder), server]
    command += [
        *ports,
        "--flink-master=[local]",
        f"--artifacts-dir={folder / 'staged'}",
        f"--flink-conf-dir={folder}",
    ]
    log = folder / "flink.log"
    with log.open("w") as said:
        process = subprocess.Popen(command, stdout=said, stderr=said, start_new_session=True)
    try:
        yield f"localhost:{_port(process, log)}"
    finally:
        _end(process)


def _port(process: subprocess.Popen, log: Path) -> str:
    until = time.monotonic() + _START
    while time.monotonic() < until and process.poll() is None:
        if found := re.search(r"JobService started on \S+?:(\d+)", log.read_text()):
            return found[1]
        time.sleep(0.2)
    raise RuntimeError(f"the job server did not start: {log.read_text()[-2000:]}")


@contextmanager
def worker_pool(folder: Path) -> Iterator[str]:
    """Context with a pool that starts workers as processes; yields host and port."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    support = Path(__file__).parent
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",  # it calls `python`
        "PYTHONPATH": f"{support.parent.parent}{os.pathsep}{support}",
    }
    command = [sys.executable, "-m", "apache_beam.runners.worker.worker_pool_main", f"--service_port={port}"]
    log = folder / "pool.log"
    with log.open("w") as said:
        process = subprocess.Popen(
            command, stdout=said, stderr=said, env=environment, start_new_session=True, cwd=folder
        )
    try:
        _wait_for(process, port, log)
        yield f"localhost:{port}"
    finally:
        _end(process)


def _wait_for(process: subprocess.Popen, port: int, log: Path) -> None:
    until = time.monotonic() + _START
    while time.monotonic() < until and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("localhost", port)) == 0:
                return
        time.sleep(0.2)
    raise RuntimeError(f"the worker pool did not start: {log.read_text()[-2000:]}")


def _end(process: subprocess.Popen) -> None:
    """End a process and those that it has started, which are in its session."""
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(_END)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, 9)
    process.wait()
