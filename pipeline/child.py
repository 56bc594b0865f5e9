"""Start, watch and end the child process that runs pipelines. Imports neither TFX nor TensorFlow."""

import contextlib
import fcntl
import json
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from rich.console import Console

from pipeline.config import Settings
from pipeline.display import RunDisplay
from pipeline.errors import InputError
from pipeline.events import FailureEvent, JobEvent, NodeEvent, read_event
from preprocessing.safe_python import module_command, safe_environment

Task = Literal["run", "cross_validation", "training"]


@dataclass(frozen=True)
class Job:
    """A pipeline to run.

    Attributes
    ----------
    task : str
        Last node to run: ``run``, the whole pipeline; ``cross_validation``, up to the summary of the folds;
        ``training``, up to the Trainer.
    settings : Settings
    fingerprint : str
        Fingerprint of table and stamps.
    """

    task: Task
    settings: Settings
    fingerprint: str

    def dump(self) -> dict:
        """Return the job in types that JSON can hold."""
        return {
            "task": self.task,
            "settings": self.settings.model_dump(mode="json"),
            "fingerprint": self.fingerprint,
        }


@dataclass
class Outcome:
    """The result of a job.

    Attributes
    ----------
    failure : FailureEvent or None
    outputs : dict of str to dict of str to str
        Paths of the artifacts, by node and output.
    nodes : list of NodeEvent
        The last event of each node, in the order of the nodes.
    seconds : float
        Wall time.
    """

    failure: FailureEvent | None = None
    outputs: dict[str, dict[str, str]] = field(default_factory=dict)
    nodes: list[NodeEvent] = field(default_factory=list)
    seconds: float = 0.0


@dataclass(frozen=True)
class RunPaths:
    """Paths of what runs write under their root.

    Attributes
    ----------
    root : Path
    """

    root: Path

    @property
    def report(self) -> Path:
        """Folder of the report."""
        return self.root / "report"

    @property
    def logs(self) -> Path:
        """Folder of the logs, one per run."""
        return self.root / "logs"

    @property
    def sweep(self) -> Path:
        """Folder of the results of a sweep."""
        return self.root / "sweep"

    @property
    def lock(self) -> Path:
        """Lock file of a run in progress."""
        return self.root / ".lock"


@contextlib.contextmanager
def opened_log(root: Path, kind: str) -> Iterator[tuple[Path, int]]:
    """Lock the root, and yield the path of a new log and the descriptor of the lock.

    Parameters
    ----------
    root : Path
        Is created if it does not exist.
    kind : str
        First part of the log's name.

    Raises
    ------
    InputError
        If the root cannot be written, or another run holds it.
    """
    paths = RunPaths(root)
    try:
        paths.logs.mkdir(parents=True, exist_ok=True)
        paths.lock.touch()
    except OSError as error:
        raise InputError(f"[pipeline] root: {root}: {error.strerror}") from error
    with _locked(paths.lock) as lock:
        yield paths.logs / f"{kind}-{time.strftime('%Y%m%d-%H%M%S')}.log", lock


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[int]:
    """Lock the root for one run; the system releases the lock when the run's processes end."""
    with open(path, "a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(f"[pipeline] root: another run is using {path.parent}") from None
        yield lock.fileno()


def run_jobs(
    jobs: Sequence[Job],
    log: Path,
    lock: int,
    console: Console,
    finished: Callable[[int, Outcome], None] = lambda number, outcome: None,
) -> list[Outcome]:
    """Run pipelines one after the other in a child process and show their events.

    If the process dies, its current job has failed, and a new process runs the remaining jobs.

    Parameters
    ----------
    jobs : sequence of Job
        A failed job does not stop the next ones.
    log : Path
        Gets everything that the processes print.
    lock : int
        Descriptor from `opened_log`; the child inherits it.
    console : Console
    finished : callable
        Called at the end of each job with its number and outcome; not for jobs that never started.

    Returns
    -------
    list of Outcome
        If a process died before it started a job, that job and all after it have failed.
    """
    outcomes = [Outcome() for _ in jobs]
    first = 0
    while first < len(jobs):

        def told(number: int, start: int = first) -> None:
            finished(start + number, outcomes[start + number])

        begun = _run_process(jobs[first:], outcomes[first:], log, lock, console, told)
        if not begun:
            break  # the next process would fail in the same way
        first += begun
    return outcomes


def _run_process(
    jobs: Sequence[Job],
    outcomes: Sequence[Outcome],
    log: Path,
    lock: int,
    console: Console,
    finished: Callable[[int], None],
) -> int:
    """Run pipelines in one process, fill in their outcomes, and return how many of them were started."""
    description = log.with_suffix(".json")
    description.write_text(json.dumps([job.dump() for job in jobs]))
    reader, writer = os.pipe()
    # TensorFlow, Beam and TFX leave temporary files behind.
    with (
        open(log, "ab") as output,
        tempfile.TemporaryDirectory(prefix="galmorph-", ignore_cleanup_errors=True) as temporary,
    ):
        child = subprocess.Popen(
            module_command("pipeline.local_runner", description, writer),
            stdin=subprocess.PIPE,  # it closes when this process ends, which ends the child
            stdout=output,
            stderr=output,
            pass_fds=[writer, lock],
            start_new_session=True,  # Ctrl-C must not reach the child directly
            env=_child_environment(temporary),
        )
        os.close(writer)
        begun, started, status = 0, time.monotonic(), 0
        try:
            with os.fdopen(reader) as events, RunDisplay(console) as display:
                for line in events:
                    if not line.endswith("\n"):
                        break  # the process was killed while it wrote the line
                    event = read_event(line)
                    if isinstance(event, JobEvent):
                        if begun:
                            finished(begun - 1)
                        begun, started = event.number + 1, time.monotonic()
                        continue
                    outcome = outcomes[max(begun - 1, 0)]
                    outcome.seconds = time.monotonic() - started
                    if isinstance(event, FailureEvent):
                        outcome.failure = event
                        continue
                    if isinstance(event, NodeEvent) and event.state != "running":
                        outcome.nodes.append(event)
                        outcome.outputs[event.node] = event.outputs
                    display.show(event)
            status = child.wait()
        finally:
            if child.poll() is None:
                _end(child)
            description.unlink(missing_ok=True)
    # Status 1 follows failures that the child has reported. Any other status means that the process died.
    told = status == 0 or (status == 1 and any(outcome.failure for outcome in outcomes))
    if begun < len(jobs) or not told:
        cause = f"signal {-status}" if status < 0 else f"status {status}"
        ended = FailureEvent(f"the pipeline's process ended with {cause}", input=False)
        for outcome in outcomes[begun - 1 : begun] if begun else outcomes:
            outcome.failure = outcome.failure or ended
    if begun:
        finished(begun - 1)
    return begun


def _child_environment(temporary: str) -> dict[str, str]:
    return {
        **safe_environment(),
        "PYTHONUNBUFFERED": "1",
        "TMPDIR": temporary,
        # Otherwise TensorFlow's remarks on the processor come first in the log.
        "TF_CPP_MIN_LOG_LEVEL": os.environ.get("TF_CPP_MIN_LOG_LEVEL", "1"),
    }


def _end(child: subprocess.Popen[bytes]) -> None:
    """End the child and its own children."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(timeout=5)
            return
