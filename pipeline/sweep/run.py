"""`galmorph sweep`: cross-validate every point of a grid."""

import json
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console

from evaluation.formats.out_of_fold import SCORES_FILE
from pipeline.child import Job, Outcome, RunPaths, opened_log, run_jobs
from pipeline.config import Settings, load_settings
from pipeline.errors import ExitStatus, InputError
from pipeline.preflight import check_data, check_weights
from pipeline.pretrained import already_seen
from pipeline.run import CHECKING, say_checking, say_interrupted, show_notes, show_rows
from pipeline.sweep.axes import read_axes
from pipeline.sweep.grid import Point, expand
from preprocessing.rows.exclusion import read_rows
from report.sweep.errors import SweepError
from report.sweep.examples import Examples
from report.sweep.page import write_page
from report.sweep.record import SweepRecord
from report.sweep.terminal import show_point, show_sweep
from trainer.settings import ModelSettings


def run_sweep(
    config: Path,
    options: Mapping[str, Sequence[str] | None],
    others: Sequence[str],
    overrides: Sequence[str],
    out: Path | None,
    seed: int,
    console: Console,
) -> ExitStatus:
    """Cross-validate every point of a grid and write the page.

    Parameters
    ----------
    config : Path
    options : mapping of str to sequence of str
        Values of each axis option, as given.
    others : sequence of str
        ``section.key=value,value``.
    overrides : sequence of str
        ``section.key=value`` for all points.
    out : Path or None
        Folder of the results; `sweep` under the root unless given.
    seed : int
        Random seed for the choice of example galaxies.
    console : Console

    Returns
    -------
    ExitStatus
        `DONE` if all points were started and at least one was cross-validated.

    Raises
    ------
    InputError
        If any point is found wrong before the first one starts.
    """
    started = time.monotonic()
    base = load_settings(config, overrides)
    root = Path(base.pipeline.root)
    try:
        axes = read_axes(options, others)
        points = expand(
            axes,
            rgb=base.image.rgb,
            cut=base.image.cut,
            bands=base.data.bands,
            stamp_size=base.data.stamp_size,
        )
    except SweepError as error:
        raise InputError(str(error)) from error
    settings = [load_settings(config, [*overrides, *point.overrides]) for point in points]
    say_checking(console)
    with console.status(CHECKING):
        jobs = _checked_jobs(settings, console)
    results = SweepRecord(out or RunPaths(root).sweep, points, axes)

    def finished(number: int, outcome: Outcome) -> None:
        _note(results, points[number], outcome)
        write_page(results, None, results.folder)
        show_point(console, results, points[number])

    try:
        with opened_log(root, "sweep") as (log, lock):
            try:
                results.write()
                write_page(results, None, results.folder)  # replaces the page of an earlier sweep
                outcomes = run_jobs(jobs, log, lock, console, finished)
            except KeyboardInterrupt:
                say_interrupted()
                raise
        chosen = {point.slug: (one.data, one.image) for point, one in zip(points, settings, strict=True)}
        with console.status("making the page"):
            page = write_page(
                results, Examples(chosen, read_rows(base.data).objects, seed=seed), results.folder
            )
    except SweepError as error:
        raise InputError(str(error)) from error
    show_sweep(console, results, page, time.monotonic() - started)
    return _status(results, outcomes, log)


def _status(results: SweepRecord, outcomes: Sequence[Outcome], log: Path) -> ExitStatus:
    """Print how many points failed and how many were not started, and return the exit status."""
    failed, waiting, total = results.count("failed"), results.count("waiting"), len(outcomes)
    failures = [outcome.failure for outcome in outcomes if outcome.failure is not None]
    if waiting:
        print(
            f"galmorph: {waiting} of {total} points were not started: {failures[-1].message}; run the same"
            " command again to continue",
            file=sys.stderr,
        )
    if failed:
        print(f"galmorph: {failed} of {total} points failed", file=sys.stderr)
    if failures:
        print(f"galmorph: the log is {log}", file=sys.stderr)
    if waiting:
        return ExitStatus.FAULT
    if results.count("done"):
        return ExitStatus.DONE
    return ExitStatus.BAD_INPUT if failures[0].input else ExitStatus.FAULT


def _checked_jobs(settings: Sequence[Settings], console: Console) -> list[Job]:
    """Check every point. Each table with its stamps, and each file of weights, is checked only once."""
    seen: dict[str, str] = {}
    models: dict[ModelSettings, ModelSettings] = {}
    warned: set[str] = set()
    jobs = []
    for one in settings:
        if one.cross_validation.trained(one.train) == "none":
            raise InputError('[cross_validation] phases = "none": a sweep needs folds to compare settings')
        key = f"{one.data.model_dump_json()} {one.example_bands} {one.example_side} {one.split.folds}"
        if key not in seen:
            checked = check_data(one)
            if not seen:
                show_rows(console, one, checked)
            seen[key] = checked.fingerprint
        if one.model not in models:
            check_weights(one)
            models[one.model] = one.with_pinned_weights().model
        one = one.model_copy(update={"model": models[one.model]})
        if (warning := already_seen(one, seen[key])) and warning not in warned:
            warned.add(warning)
            show_notes(console, [warning])
        jobs.append(Job("cross_validation", one, seen[key]))
    return jobs


def _note(results: SweepRecord, point: Point, outcome: Outcome) -> None:
    if outcome.failure is not None:
        results.failed(point, outcome.failure.message)
        return
    summary = Path(outcome.outputs["CrossValidation"]["summary"])
    folds = [node for node in outcome.nodes if node.node.startswith("FoldTrainer-")]
    found_again = any(fold.state == "cached" for fold in folds)
    results.done(
        point,
        json.loads((summary / "cross_validation.json").read_text()),
        summary / SCORES_FILE,
        None if found_again else outcome.seconds,
    )
