"""`galmorph simulate`: a synthetic survey."""

import os
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from pipeline.commands.options import Seed
from pipeline.errors import InputError


def simulate(
    out: Annotated[Path, typer.Argument(help="Folder to write; must be empty or not exist.")],
    galaxies: Annotated[int, typer.Option(min=1, help="Rows of the label table.")] = 1000,
    seed: Seed = 0,
    size: Annotated[int, typer.Option(min=32, help="Side of a stamp in pixels.")] = 128,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Number of processes; by default one per core.")
    ] = None,
) -> None:
    """Write a synthetic S-PLUS-like survey: FITS stamps in six bands and a table of votes."""
    write_survey(out, galaxies, seed, size, workers)


def write_survey(out: Path, galaxies: int, seed: int, size: int, workers: int | None) -> None:
    """Simulate a survey under a progress bar."""
    from pipeline.progress_bar import progress_bar
    from report.html.formats import count_of
    from simulation.survey import simulate_survey

    console = Console()
    with progress_bar(console) as bar:
        task = bar.add_task("simulating", total=galaxies)

        def advance(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        try:
            summary = simulate_survey(
                out, galaxies, seed, size=size, workers=workers or os.cpu_count(), progress=advance
            )
        except ValueError as error:
            raise InputError(str(error)) from error
        except OSError as error:
            # The simulation's own errors are sentences; those of the system begin with a number.
            sentence = f"{error.filename}: {error.strerror}" if error.strerror else str(error)
            raise InputError(sentence) from error
    console.print(
        f"[bold]survey[/]: {count_of(galaxies, 'galaxy', 'galaxies')}, stamps {escape(str(summary.stamps))}",
        highlight=False,
        soft_wrap=True,
    )
