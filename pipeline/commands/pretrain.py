"""`galmorph pretrain`: weights of a backbone that was trained on galaxies."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from pipeline.commands.options import Config, Overrides, Seed
from pipeline.commands.simulate import write_survey


def pretrain(
    config: Config,
    out: Annotated[Path, typer.Argument(metavar="OUT.weights.h5", help="File of weights to write.")],
    galaxies: Annotated[int, typer.Option(min=50, help="Number of galaxies to simulate.")] = 4000,
    seed: Seed = 0,
    labelled: Annotated[
        bool,
        typer.Option(
            "--labelled",
            help="Train on the labelled galaxies of the configuration instead. The cross-validation of a run"
            " on the same table is then biased: the weights have seen the galaxies that it scores.",
        ),
    ] = False,
    overrides: Overrides = None,
) -> None:
    """Train a backbone on simulated galaxies, or on a labelled set, and write its weights for later runs."""
    from pipeline.pretrain import Simulated, run_pretraining

    survey = None if labelled else Simulated(galaxies, seed, write_survey)
    raise typer.Exit(run_pretraining(config, out, overrides or (), survey, Console()))
