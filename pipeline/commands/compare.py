"""`galmorph compare`: a page that compares runs."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from pipeline.errors import InputError


def compare(
    runs: Annotated[
        list[Path],
        typer.Argument(
            metavar="RUN RUN...",
            help="Root folders of runs, or report folders. ROOT@TIME, such as run@2026-11-26T23-58, is an "
            "earlier run of a root; the folder ROOT/reports lists them.",
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(help="Folder to write.", show_default="comparison under the root of the first"),
    ] = None,
) -> None:
    """Compare runs on the test galaxies that they share, and show where they disagree."""
    compare_runs(runs, out, Console())


def compare_runs(runs: Sequence[Path], out: Path | None, console: Console) -> None:
    """Compare runs, write the page, and print a summary.

    Parameters
    ----------
    runs : sequence of Path
        Roots of runs, ``ROOT@TIME``, or report folders. The first is compared with each of the others.
    out : Path or None
        Folder of the page; `comparison` under the root of the first run unless given.
    console : Console

    Raises
    ------
    InputError
        If a run cannot be read, or the runs share nothing that can be compared.
    """
    from report.comparison.terminal import show_comparison
    from report.comparison.write import FOLDER, compare_reports, write_comparison
    from report.errors import ReportError
    from report.evidence.folders import root_of

    started = time.monotonic()
    try:
        with console.status("comparing"):
            comparison = compare_reports(runs)
            folder = out or root_of(comparison.runs[0].evidence.folder) / FOLDER
            page = write_comparison(comparison, folder)
    except ReportError as error:
        raise InputError(str(error)) from error
    show_comparison(console, comparison, page, time.monotonic() - started)
