"""`galmorph run`: check a configuration, run the pipeline on this machine, show the results."""

import typer
from rich.console import Console

from pipeline.commands.options import Config, Overrides


def run(
    config: Config,
    overrides: Overrides = None,
) -> None:
    """Ingest, train, evaluate and, if the model passes the gate, publish it."""
    from pipeline.config import load_settings
    from pipeline.run import run_settings

    raise typer.Exit(run_settings(load_settings(config, overrides or ()), Console()))
