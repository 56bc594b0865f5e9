"""`galmorph sweep`: cross-validate every combination of settings."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from pipeline.commands.options import Config, Overrides


def sweep(
    config: Config,
    rgb: Annotated[
        list[str] | None, typer.Option(metavar="V1,V2", help="Values of image.rgb: IRG,ZRG")
    ] = None,
    stretch: Annotated[
        list[str] | None, typer.Option(metavar="V1,V2", help="Values of image.stretch")
    ] = None,
    q: Annotated[list[str] | None, typer.Option(metavar="V1,V2", help="Values of image.q")] = None,
    cut: Annotated[
        list[str] | None, typer.Option(metavar="V1,V2", help="Values of image.cut (pixels)")
    ] = None,
    size: Annotated[
        list[str] | None, typer.Option(metavar="V1,V2", help="Values of image.size (pixels)")
    ] = None,
    backbone: Annotated[
        list[str] | None, typer.Option(metavar="V1,V2", help="Values of model.backbone")
    ] = None,
    axis: Annotated[
        list[str] | None,
        typer.Option(metavar="SECTION.KEY=V1,V2", help="Any other key of the file; repeatable."),
    ] = None,
    overrides: Overrides = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder to write.", show_default="sweep under [pipeline] root")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Random seed for the choice of example galaxies.")] = 0,
) -> None:
    """Cross-validate every combination of settings and compare them on a page; publishes nothing."""
    from pipeline.sweep.run import run_sweep

    options = {"rgb": rgb, "stretch": stretch, "q": q, "cut": cut, "size": size, "backbone": backbone}
    raise typer.Exit(run_sweep(config, options, axis or (), overrides or (), out, seed, Console()))
