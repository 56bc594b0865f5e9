"""Options that several verbs share."""

from pathlib import Path
from typing import Annotated

import typer

Config = Annotated[Path, typer.Argument(help="Configuration, a TOML file (see configs/).")]
Overrides = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="SECTION.KEY=VALUE", help="Override a key of the file; repeatable."),
]
Seed = Annotated[int, typer.Option(min=0, help="Random seed of the survey.")]
