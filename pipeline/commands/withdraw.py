"""`galmorph withdraw`: take a published version back, or publish it again."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from pipeline.errors import InputError


def withdraw(
    model: Annotated[Path, typer.Argument(metavar="MODEL_DIR", help="The folder of \\[push] directory.")],
    version: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Version to withdraw.", show_default="the newest"),
    ] = None,
    restore: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Publish a withdrawn version again instead.")
    ] = None,
) -> None:
    """Withdraw a published version, so that servers fall back to the one before.

    The folder N becomes withdrawn-N; nothing is deleted, and --restore N undoes it. Servers notice within
    seconds, without a restart.
    """
    from report.terminal import say
    from serving import published

    console = Console()
    folder = model.absolute()
    if restore is not None and version is not None:
        raise InputError("--version and --restore exclude each other")
    try:
        if not folder.is_dir():
            raise InputError(f"{folder} is not a folder" if folder.exists() else f"{folder} does not exist")
        if restore is not None:
            published.restore(folder, restore)
            say(console, "restored", f"version {restore}")
            newest = published.published_versions(folder)[-1]
        else:
            withdrawn, newest = published.withdraw(folder, version)
            say(console, "withdrawn", f"version {withdrawn}")
            say(console, "undo", f"galmorph withdraw {model} --restore {withdrawn}", is_path=True)
    except published.ModelError as error:
        raise InputError(str(error)) from error
    except OSError as error:
        raise InputError(f"{folder} cannot be changed: {error.strerror}") from error
    say(console, "newest", f"version {newest}")
