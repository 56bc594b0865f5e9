"""`galmorph report`: the report of a run, rebuilt from the stored results."""

import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from pipeline.errors import InputError


def report(
    run: Annotated[
        Path, typer.Argument(metavar="RUN", help="Root folder of a run, its report, or ROOT@TIME.")
    ],
) -> None:
    """Rebuild the report of a run from its stored results, without training or classifying anything."""
    from report.errors import ReportError
    from report.evidence.folders import report_folder
    from report.run.build import PAGE, build

    started, console = time.monotonic(), Console()
    try:
        folder = report_folder(run)
        with console.status("writing the report"):
            build(folder)
    except ReportError as error:
        raise InputError(str(error)) from error
    console.print(f"[bold]report[/] {time.monotonic() - started:.1f} s", highlight=False)
    console.print(f"  {folder / PAGE}", highlight=False, markup=False, soft_wrap=True)
