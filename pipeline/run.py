"""`galmorph run`: check a configuration, run the pipeline on this machine, show the results."""

import resource
import sys
import time
from collections.abc import Iterable
from pathlib import Path

from rich.console import Console

from pipeline.child import Job, Outcome, RunPaths, opened_log, run_jobs
from pipeline.config import Settings
from pipeline.display import show_results, show_warnings
from pipeline.errors import ExitStatus
from pipeline.events import FailureEvent
from pipeline.preflight import Preflight, check_before_run
from pipeline.pretrained import already_seen
from pipeline.verdict import refusals
from report.html.formats import count_of
from report.terminal import say_sentence

CHECKING = "checking configuration and input"


def run_settings(settings: Settings, console: Console) -> ExitStatus:
    """Check a configuration, run the pipeline, and show the results.

    Parameters
    ----------
    settings : Settings
    console : Console
        For progress and results; errors go to standard error.

    Returns
    -------
    ExitStatus
        `DONE`; `NOT_GOOD_ENOUGH` if the gate refused the model or it cannot be served; `BAD_INPUT` or
        `FAULT` if a node failed.

    Raises
    ------
    InputError
        If something is wrong before any component runs, or another run holds the root.
    """
    started = time.monotonic()
    paths = RunPaths(Path(settings.pipeline.root))
    say_checking(console)
    with console.status(CHECKING):
        checked = check_before_run(settings)
        settings = settings.with_pinned_weights()
        seen = already_seen(settings, checked.fingerprint)
    show_rows(console, settings, checked)
    show_notes(console, [seen] if seen else [])
    show_warnings(console, checked.warnings)
    with opened_log(paths.root, "run") as (log, lock):
        log.with_suffix(".toml").write_text(settings.to_toml())
        try:
            (outcome,) = run_jobs([Job("run", settings, checked.fingerprint)], log, lock, console)
        except KeyboardInterrupt:
            say_interrupted()
            raise
        if outcome.failure is not None:
            return fail(outcome.failure, log)
        with console.status("writing the report"):
            # Imported late: figures and statistics take seconds to load, which would delay refusals.
            from pipeline.collect_report import collect_report

            metrics = collect_report(paths, outcome, settings)
    show_results(console, metrics, paths.report, log, time.monotonic() - started, peak_memory(outcome))
    refused = refusals(metrics)
    for line in refused:
        print(f"galmorph: {line}", file=sys.stderr)
    return ExitStatus.NOT_GOOD_ENOUGH if refused else ExitStatus.DONE


def say_checking(console: Console) -> None:
    """Print the first step at once in a pipe or a file, where no spinner is shown."""
    if not console.is_terminal:
        console.print(CHECKING, highlight=False)


def show_rows(console: Console, settings: Settings, checked: Preflight) -> None:
    """Print the number of rows by class and reason code, and the notes on the tables."""
    counts = ", ".join(f"{count} {name}" for name, count in {**checked.classes, **checked.refused}.items())
    console.print(
        f"[bold]{settings.pipeline.name}[/]: {count_of(checked.rows, 'row')} ({counts})", highlight=False
    )
    show_notes(console, checked.notes)


def show_notes(console: Console, notes: Iterable[str]) -> None:
    """Print notes, one line each."""
    for note in notes:
        say_sentence(console, note)


def say_interrupted() -> None:
    """Print that the next run continues from here."""
    print("galmorph: interrupted; the next run continues from here", file=sys.stderr)


def fail(failure: FailureEvent, log: Path) -> ExitStatus:
    """Print the failure and the path of the log, and return the exit status."""
    print(f"galmorph: {failure.message}", file=sys.stderr)
    print(f"galmorph: the log is {log}", file=sys.stderr)
    return ExitStatus.BAD_INPUT if failure.input else ExitStatus.FAULT


def peak_memory(outcome: Outcome) -> int:
    """Return the peak resident memory of the pipeline's process and of all other children [bytes]."""
    # The process resets its peak at each node.
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    return max([children, *(node.memory or 0 for node in outcome.nodes)])
