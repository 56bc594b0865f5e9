"""`galmorph compare`: runs side by side."""

import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from pipeline.errors import ExitStatus, InputError
from report.comparison.terminal import show_comparison
from report.comparison.write import FOLDER, compare_reports, write_comparison
from report.errors import ReportError


def run_compare(runs: Sequence[Path], out: Path | None, console: Console) -> ExitStatus:
    """Compare runs and write the page.

    Parameters
    ----------
    runs : sequence of Path
        Roots of runs, or their report folders; the others are compared with the first.
    out : Path or None
        Folder of the page; `comparison` beside the report of the first run unless given.
    console : Console

    Returns
    -------
    ExitStatus
        `DONE`.

    Raises
    ------
    InputError
        If a run cannot be read, or there is nothing to compare.
    """
    started = time.monotonic()
    try:
        with console.status("comparing"):
            comparison = compare_reports(runs)
            folder = out or comparison.runs[0].evidence.folder.parent / FOLDER
            page = write_comparison(comparison, folder)
    except ReportError as error:
        raise InputError(str(error)) from error
    show_comparison(console, comparison, page, time.monotonic() - started)
    return ExitStatus.DONE
