"""`galmorph report`: the report of a run, made again from what the run has left."""

import time
from pathlib import Path

from rich.console import Console

from pipeline.errors import ExitStatus, InputError
from report.build import PAGE, build
from report.errors import ReportError
from report.folders import report_folder


def run_report(run: Path, console: Console) -> ExitStatus:
    """Compute all numbers of a run again and write its page and files anew.

    Parameters
    ----------
    run : Path
        Root of a run, or its report folder.
    console : Console

    Returns
    -------
    ExitStatus
        `DONE`.

    Raises
    ------
    InputError
        If there is no report, or what it is made of is damaged.
    """
    started = time.monotonic()
    try:
        folder = report_folder(run)
        with console.status("writing the report"):
            build(folder)
    except ReportError as error:
        raise InputError(str(error)) from error
    page = folder / PAGE
    console.print(f"[bold]report[/] {time.monotonic() - started:.1f} s", highlight=False)
    console.print(f"  {page}", highlight=False, markup=False, soft_wrap=True)
    return ExitStatus.DONE
