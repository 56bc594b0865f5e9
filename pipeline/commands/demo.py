"""`galmorph demo`: the whole pipeline on a simulated survey."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from pipeline.commands.options import Overrides, Seed
from pipeline.commands.simulate import write_survey


def demo(
    out: Annotated[
        Path | None,
        typer.Argument(help="Folder of survey, run and models.", show_default="demo, or demo-SEED"),
    ] = None,
    galaxies: Annotated[int, typer.Option(min=1, help="Rows of the label table.")] = 1500,
    seed: Seed = 0,
    overrides: Overrides = None,
) -> None:
    """Simulate a survey and run the whole pipeline on it, in a few minutes."""
    from pipeline.config import demo_config, load_settings
    from pipeline.run import run_settings

    # One folder per seed: otherwise the gate would compare with a model trained on another survey.
    out = out or Path(f"demo-{seed}" if seed else "demo")
    survey = out / "survey"
    write_survey(survey, galaxies, seed, 128, None)
    where = {
        "pipeline.root": out / "run",
        "data.labels": survey / "labels.csv",
        "data.stamps": survey / "{band}_stamps/{name}_{band}.fits",
        "push.directory": out / "models",
    }
    absolute = [f"{key}={path.absolute()}" for key, path in where.items()]
    seeds = [f"split.seed={seed}", f"train.seed={seed}"]
    settings = load_settings(demo_config(), [*absolute, *seeds, *(overrides or ())])
    raise typer.Exit(run_settings(settings, Console()))
