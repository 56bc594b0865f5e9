"""`galmorph inspect`: a check of table and stamps before a run."""

import os
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from pipeline.commands.options import Config, Overrides
from pipeline.errors import InputError


def inspect(
    config: Config,
    overrides: Overrides = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder to write.", show_default="inspection under [pipeline] root"),
    ] = None,
    objects: Annotated[int, typer.Option(min=1, max=100, help="Number of objects on a contact sheet.")] = 8,
    seed: Annotated[int, typer.Option(min=0, help="Random seed for the choice of these objects.")] = 0,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Number of processes; by default one per core.")
    ] = None,
) -> None:
    """Check label table and stamps before a run; writes a page with contact sheets for several settings."""
    from pipeline.config import load_settings
    from pipeline.progress_bar import progress_bar
    from preprocessing.labels.reading import TableError
    from preprocessing.storage_errors import StorageError
    from report.inspection.look import PAGE, InspectionError, inspect_data
    from report.inspection.records import Request
    from report.inspection.terminal import show_look
    from trainer.weights.preflight import imagenet_weights_problem

    started, console = time.monotonic(), Console()
    settings = load_settings(config, overrides or ())
    model = settings.model
    problem = imagenet_weights_problem(model.backbone, model.weights, model.weights_sha256)
    request = Request(
        settings.data,
        settings.image,
        settings.split,
        settings.example_bands,
        settings.example_side,
        objects=objects,
        seed=seed,
        workers=workers or os.cpu_count() or 1,
        min_galaxies=settings.gate.min_galaxies,
    )
    folder = out or Path(settings.pipeline.root, "inspection")
    try:
        with progress_bar(console) as bar:
            task = bar.add_task("", total=None)

            def advance(phase: str, done: int, total: int) -> None:
                bar.update(task, description=phase, completed=done, total=total or 1)

            look = inspect_data(request, folder, problems=[problem] if problem else (), progress=advance)
    except TableError as error:
        raise InputError(f"[data] {error.key}: {error}") from error
    except StorageError as error:
        raise InputError(f"[data] stamps: {error}") from error
    except InspectionError as error:
        raise InputError(str(error)) from error
    show_look(console, look, folder / PAGE, time.monotonic() - started)
    if look.obstacle:
        raise InputError(f"a run would not start: {look.obstacle}")
