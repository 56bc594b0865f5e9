"""The command line: collects the verbs, one a module of `pipeline.commands`."""

import os
import sys

if __name__ == "__main__":
    # Before anything else is imported: `python -m` has put the working folder first.
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
from preprocessing.safe_python import make_environment_safe

# Heavier modules are imported inside the verbs: `galmorph --help` must not wait for them.

app = typer.Typer(
    help="Learn to tell spiral from elliptical galaxies from FITS stamps; publish only what is good enough.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for found in pkgutil.iter_modules(commands.__path__):
    module = import_module(f"{commands.__name__}.{found.name}")
    # A verb is a function of its module's name, or a Typer application with verbs of its own.
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
    """Tell spiral from elliptical galaxies."""


def main() -> None:
    """Run the command line; bad input ends in one line on standard error and status 2."""
    # Where HOME cannot be written, Matplotlib would say so on two lines in the middle of ours.
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    make_environment_safe()
    try:
        app()
    except InputError as error:
        print(f"galmorph: {error}", file=sys.stderr)
        sys.exit(ExitStatus.BAD_INPUT)


if __name__ == "__main__":
    main()
