"""`galmorph run`: a configuration checked, run on this machine, and its results shown."""

import json
import resource
import shutil
import sys
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

from pipeline.child import Job, RunPaths, opened_log, run_jobs
from pipeline.config import Settings
from pipeline.display import show_results
from pipeline.errors import ExitStatus
from pipeline.events import FailureEvent
from pipeline.preflight import Preflight, check_before_run


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
        settings = settings.with_pinned_weights()
    show_rows(console, settings, checked)
    with opened_log(paths.root, "run") as (log, lock):
        log.with_suffix(".toml").write_text(settings.to_toml())
        try:
            (outcome,) = run_jobs([Job("run", settings, checked.fingerprint)], log, lock, console)
        except KeyboardInterrupt:
            say_interrupted()
            raise
        if outcome.failure is not None:
            return fail(outcome.failure, log)
        metrics = _collect_report(paths, Path(outcome.outputs["MorphologyReport"]["report"]), settings)
    show_results(console, metrics, paths.report, log, time.monotonic() - started, peak_memory())
    if not metrics["gate"]["blessed"]:
        for reason in metrics["gate"]["reasons"]:
            print(f"galmorph: the model is not good enough, nothing was pushed: {reason}", file=sys.stderr)
        return ExitStatus.NOT_GOOD_ENOUGH
    return ExitStatus.DONE


def show_rows(console: Console, settings: Settings, checked: Preflight) -> None:
    """Print how many rows of which kind there are, and what is odd about the tables."""
    counts = ", ".join(f"{count} {name}" for name, count in {**checked.classes, **checked.refused}.items())
    console.print(f"[bold]{settings.pipeline.name}[/]: {checked.rows} rows ({counts})", highlight=False)
    for note in checked.notes:
        console.print(f"  {escape(note)}", style="dim", highlight=False, soft_wrap=True)


def say_interrupted() -> None:
    """Say that nothing is lost."""
    print("galmorph: interrupted; the next run goes on from here", file=sys.stderr)


def fail(failure: FailureEvent, log: Path) -> ExitStatus:
    """Say what failed and where the log is, and return the status."""
    print(f"galmorph: {failure.message}", file=sys.stderr)
    print(f"galmorph: the log is {log}", file=sys.stderr)
    return ExitStatus.BAD_INPUT if failure.input else ExitStatus.FAULT


def peak_memory() -> int:
    """Return the largest resident memory of any child process so far [bytes]."""
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024


def _collect_report(paths: RunPaths, artifact: Path, settings: Settings) -> dict[str, Any]:
    """Copy the run's report artifact to ``report/``, all at once, and return its metrics."""
    copy = paths.root / ".report-incoming"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(artifact, copy)
    (copy / "config.toml").write_text(settings.to_toml())
    shutil.rmtree(paths.report, ignore_errors=True)
    copy.rename(paths.report)
    return json.loads((paths.report / "metrics.json").read_text())
