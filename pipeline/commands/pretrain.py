"""`galmorph pretrain`: weights of a backbone, learned from galaxies."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from pipeline.commands.options import Config, Overrides, Seed
from pipeline.commands.simulate import write_survey


def pretrain(
    config: Config,
    out: Annotated[Path, typer.Argument(metavar="OUT.weights.h5", help="File of weights to write.")],
    galaxies: Annotated[int, typer.Option(min=50, help="Galaxies to simulate and learn from.")] = 4000,
    seed: Seed = 0,
    labelled: Annotated[
        bool,
        typer.Option(
            "--labelled",
            help="Learn from the configuration's own galaxies instead. Folds of a run on the same table then"
            " score galaxies that the weights have seen.",
        ),
    ] = False,
    overrides: Overrides = None,
) -> None:
    """Give a backbone weights that it learned from galaxies: simulated ones, or any labelled set."""
    from pipeline.pretrain import Simulated, run_pretraining

    survey = None if labelled else Simulated(galaxies, seed, write_survey)
    raise typer.Exit(run_pretraining(config, out, overrides or (), survey, Console()))
