"""Runners that cannot work are refused at once, and what they say is made one sentence."""

import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import grpc
import pytest

from catalog.errors import CatalogError
from catalog.runners import cause_of, check_runner

LOOPBACK = "--environment_type=LOOPBACK"


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--runner=FlinkRunner"], "flink_job_server_jar"),
        (["--runner=FlinkRunner", "--flink_master=cluster:8081"], "flink_job_server_jar"),
        (["--runner=SparkRunner"], "spark_job_server_jar"),
        (["--runner=PrismRunner"], "prism_location"),
        (["--runner=PortableRunner"], "job_endpoint"),
        (["--runner=PortableRunner", "--job_endpoint=embed"], "environment_type"),
        (["--runner=FlinkRunner", "--flink_job_server_jar=a", "--flink_master=b:1"], "environment_type"),
        (["--runner=DataflowRunner"], r"apache-beam\[gcp\]|sdk_container_image"),
        (["--runner=Wheelbarrow"], "Wheelbarrow"),
        (
            ["--runner=DirectRunner", "--direct_num_workers=many"],
            "direct_num_workers: invalid int value: 'many'",
        ),
        ([], "--runner=DirectRunner"),
    ],
)
def test_what_cannot_work_is_refused(arguments, named, capsys):
    with pytest.raises(CatalogError, match=named) as caught:
        check_runner(arguments)
    assert "\n" not in str(caught.value)
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    "arguments",
    [
        ["--runner=DirectRunner", "--direct_running_mode=in_memory"],
        ["--runner=FlinkRunner", "--flink_job_server_jar=server.jar"],
        ["--runner=SparkRunner", "--spark_job_server_jar=server.jar"],
        ["--runner=PortableRunner", "--job_endpoint=embed", LOOPBACK],
    ],
)
def test_what_can_work_is_not(arguments):
    check_runner(arguments)


def refusal(port: int) -> str:
    with pytest.raises(CatalogError, match=f"localhost:{port}") as caught:
        check_runner(["--runner=PortableRunner", f"--job_endpoint=localhost:{port}", LOOPBACK])
    return str(caught.value)


def test_a_closed_port_is_named():
    with socket.socket() as free:
        free.bind(("localhost", 0))
        assert "refused" in refusal(free.getsockname()[1])


def test_another_server_is_no_job_server():
    server = grpc.server(ThreadPoolExecutor(1))
    port = server.add_insecure_port("localhost:0")
    server.start()
    try:
        assert "another server" in refusal(port)
    finally:
        server.stop(0)


@contextmanager
def silent():
    """A server that takes connections and says nothing."""
    with socket.create_server(("localhost", 0)) as server:
        held = []
        threading.Thread(target=lambda: held.append(server.accept()), daemon=True).start()
        yield server.getsockname()[1]


def test_a_server_that_says_nothing_is_not_waited_for(monkeypatch):
    monkeypatch.setattr("catalog.runners.ANSWER_WITHIN", 0.5)
    with silent() as port:
        assert "no answer" in refusal(port)


OURS = """java.util.concurrent.ExecutionException: Error from SDK harness for instruction 3: Traceback
  File "catalog/worker.py", line 89, in process
    raise CatalogError(f"{spec.path} is odd")
catalog.errors.CatalogError: /models/1 is odd [while running 'classify']

\tat org.apache.beam.sdk.util.MoreFutures.get(MoreFutures.java:61)
Caused by: java.lang.RuntimeException: Error received from SDK harness for instruction 3: Traceback
catalog.errors.CatalogError: /models/1 is odd [while running 'classify']
"""


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (OURS, "/models/1 is odd"),
        ("Traceback\\n  File x\\ncatalog.errors.CatalogError: a\\nb", "a"),
        (
            "File x\nModuleNotFoundError: No module named 'catalog'\n\tat org",
            "ModuleNotFoundError: No module named 'catalog'",
        ),
        ("java.lang.X\n\tat y\nCaused by: java.io.IOException: disk\n\tat z", "IOException: disk"),
        ("Pipeline job-1 failed in state FAILED: java.lang.OutOfMemoryError", "java.lang.OutOfMemoryError"),
    ],
)
def test_the_cause_is_found(said, expected):
    assert cause_of(RuntimeError(said)) == expected


def test_a_lost_worker_is_told():
    said = (
        "Pipeline job-1 failed in state FAILED: io.grpc.StatusRuntimeException: CANCELLED: client cancelled"
    )
    assert "was lost" in cause_of(RuntimeError(said)) and "job-1" not in cause_of(RuntimeError(said))
