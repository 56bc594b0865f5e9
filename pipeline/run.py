"""Runs a configuration on this machine and shows a person what happens. Imports no TFX and no TensorFlow."""

import contextlib
import fcntl
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

from pipeline.config import Settings
from pipeline.display import RunDisplay, show_results
from pipeline.errors import ExitStatus, InputError
from pipeline.events import FailureEvent, read_event
from pipeline.preflight import check_before_run
from trainer.weights_preflight import file_digest

REPORT_NODE = "MorphologyReport"


@dataclass(frozen=True)
class RunPaths:
    """What a run leaves under its root.

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
        """Folder of the logs, one a run."""
        return self.root / "logs"

    @property
    def lock(self) -> Path:
        """File that a running run holds."""
        return self.root / ".lock"


def run_settings(settings: Settings, console: Console) -> ExitStatus:
    """Check, run and report.

    Parameters
    ----------
    settings : Settings
    console : Console
        Where the person looks; errors go to standard error.

    Returns
    -------
    ExitStatus
        `DONE`; `NOT_GOOD_ENOUGH` if the gate refused the model; `BAD_INPUT` or `FAULT` if a node failed.

    Raises
    ------
    InputError
        If something is wrong before any component runs, or another run holds the root.
    """
    started = time.monotonic()
    paths = RunPaths(Path(settings.pipeline.root))
    with console.status("checking configuration and input"):
        checked = check_before_run(settings)
        settings = _pin_weights(settings)
    counts = ", ".join(f"{count} {name}" for name, count in {**checked.classes, **checked.refused}.items())
    console.print(f"[bold]{settings.pipeline.name}[/]: {checked.rows} rows ({counts})", highlight=False)
    for note in checked.notes:
        console.print(f"  {escape(note)}", style="dim", highlight=False, soft_wrap=True)
    try:
        paths.logs.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"[pipeline] root: {paths.root}: {error.strerror}") from error
    with _locked(paths.lock) as lock:
        stamp = time.strftime("%Y%m%d-%H%M%S")
        log = paths.logs / f"run-{stamp}.log"
        (paths.logs / f"run-{stamp}.toml").write_text(settings.to_toml())
        try:
            failure = _run_child(settings, checked.fingerprint, log, lock, console)
        except KeyboardInterrupt:
            print("galmorph: interrupted; finished nodes are kept for the next run", file=sys.stderr)
            raise
        if failure is not None:
            _print_failure(failure, log)
            return ExitStatus.BAD_INPUT if failure.input else ExitStatus.FAULT
        metrics = _collect_report(paths, settings)
    show_results(console, metrics, paths.report, log, time.monotonic() - started, _peak_memory())
    if not metrics["gate"]["blessed"]:
        for reason in metrics["gate"]["reasons"]:
            print(f"galmorph: the model is not good enough, nothing was pushed: {reason}", file=sys.stderr)
        return ExitStatus.NOT_GOOD_ENOUGH
    return ExitStatus.DONE


def _pin_weights(settings: Settings) -> Settings:
    """Name the content of a file of weights, by which a changed file is no cache hit."""
    model = settings.model
    if not model.weights_are_file or model.weights_sha256:
        return settings
    digest = file_digest(Path(model.weights), "sha256")
    pinned = model.model_copy(update={"weights_sha256": digest})
    return settings.model_copy(update={"model": pinned})


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[int]:
    """Hold the root for one run; the system lets go of it when the run's processes end, however they end."""
    with open(path, "a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(f"[pipeline] root: another run is using {path.parent}") from None
        yield lock.fileno()


def _run_child(
    settings: Settings, fingerprint: str, log: Path, lock: int, console: Console
) -> FailureEvent | None:
    """Run the pipeline in a process of its own and show its events."""
    description = log.with_suffix(".json")
    description.write_text(
        json.dumps({"settings": settings.model_dump(mode="json"), "fingerprint": fingerprint})
    )
    reader, writer = os.pipe()
    failure: FailureEvent | None = None
    with open(log, "ab") as output:
        child = subprocess.Popen(
            [sys.executable, "-m", "pipeline.local_runner", str(description), str(writer)],
            stdin=subprocess.PIPE,  # its end tells the child that we are gone
            stdout=output,
            stderr=output,
            pass_fds=[writer, lock],
            start_new_session=True,  # so that Ctrl-C reaches it through us, once
            env=_child_environment(),
        )
        os.close(writer)
        try:
            with os.fdopen(reader) as events, RunDisplay(console) as display:
                for line in events:
                    if not line.endswith("\n"):
                        break  # the process was killed in the middle of a word
                    event = read_event(line)
                    if isinstance(event, FailureEvent):
                        failure = event
                    else:
                        display.show(event)
            status = child.wait()
        finally:
            if child.poll() is None:
                _end(child)
            description.unlink(missing_ok=True)
    if status != 0 and failure is None:
        cause = f"signal {-status}" if status < 0 else f"status {status}"
        failure = FailureEvent(f"the pipeline's process ended with {cause}", input=False)
    return failure


def _child_environment() -> dict[str, str]:
    project = str(Path(__file__).resolve().parent.parent)
    path = os.environ.get("PYTHONPATH")
    return {
        **os.environ,
        "PYTHONPATH": f"{project}{os.pathsep}{path}" if path else project,
        "PYTHONUNBUFFERED": "1",
        # TensorFlow's remarks on the processor would stand in the log before anything else.
        "TF_CPP_MIN_LOG_LEVEL": os.environ.get("TF_CPP_MIN_LOG_LEVEL", "1"),
    }


def _end(child: subprocess.Popen[bytes]) -> None:
    """End the child and everything it started."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(timeout=5)
            return


def _collect_report(paths: RunPaths, settings: Settings) -> dict[str, Any]:
    """Copy the newest report artifact to ``report/``, all at once, and return its metrics."""
    executions = paths.root / "artifacts" / REPORT_NODE / "report"
    newest = max(executions.iterdir(), key=lambda path: int(path.name))
    copy = paths.root / ".report-incoming"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(newest, copy)
    (copy / "config.toml").write_text(settings.to_toml())
    shutil.rmtree(paths.report, ignore_errors=True)
    copy.rename(paths.report)
    return json.loads((paths.report / "metrics.json").read_text())


def _peak_memory() -> int:
    """Return the largest resident memory of any child process so far [bytes]."""
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024


def _print_failure(failure: FailureEvent, log: Path) -> None:
    print(f"galmorph: {failure.message}", file=sys.stderr)
    print(f"galmorph: the log is {log}", file=sys.stderr)
