"""The command line, which collects the verbs from the modules of `pipeline.commands`."""

import os
import sys

if __name__ == "__main__":
    # Before any other import, because `python -m` puts the working folder first on the search path.
    working = os.path.realpath(os.curdir)
    project = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    sys.path[:] = [*(place for place in sys.path if os.path.realpath(place) != working), project]

import logging
import pkgutil
from importlib import import_module
from typing import Annotated

import typer

from pipeline import commands
from pipeline.errors import ExitStatus, InputError
from preprocessing.garbage import collect_less_often
from preprocessing.safe_python import make_environment_safe

# The verbs import heavier modules themselves, so that `galmorph --help` stays fast.

app = typer.Typer(
    help="Train a classifier of spiral and elliptical galaxies on FITS stamps and, if it is good enough, "
    "publish it.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for found in pkgutil.iter_modules(commands.__path__):
    module = import_module(f"{commands.__name__}.{found.name}")
    # A verb is a function with the name of its module, or a Typer application with further verbs.
    if isinstance(verbs := getattr(module, "app", None), typer.Typer):
        app.add_typer(verbs, name=found.name)
    elif callable(verb := getattr(module, found.name, None)):
        app.command()(verb)


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"galmorph {version('galmorph')}")
        raise typer.Exit()


@app.callback()
def galmorph(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit."),
    ] = False,
) -> None:
    """Classify spiral and elliptical galaxies."""


def main() -> None:
    """Run the command line; bad input ends in one line on standard error and status 2."""
    # Where HOME cannot be written, Matplotlib would print two lines in the middle of ours.
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    make_environment_safe()
    collect_less_often()
    try:
        app()
    except InputError as error:
        print(f"galmorph: {error}", file=sys.stderr)
        sys.exit(ExitStatus.BAD_INPUT)


if __name__ == "__main__":
    main()
