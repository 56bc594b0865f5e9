"""Help texts, names with brackets, and no output of libraries."""

import os
import subprocess
import sys

import pytest
import typer.main
from report_folder import write_folder
from typer.testing import CliRunner

from pipeline.cli import app


def verbs(command, path=()):
    """Yield every verb, as words, and its click command."""
    commands = getattr(command, "commands", {})
    if not commands:
        yield path, command
    for name, one in commands.items():
        yield from verbs(one, (*path, name))


@pytest.mark.parametrize(("words", "command"), list(verbs(typer.main.get_command(app))), ids=str)
def test_help_keeps_square_brackets(words, command):
    shown = CliRunner().invoke(app, [*words, "--help"], env={"COLUMNS": "400"}).output
    for part in (command, *command.params):
        text = (getattr(part, "help", None) or "").replace("\\[", "[")
        assert " ".join(text.split()) in " ".join(shown.split()), part.name


def test_a_folder_with_brackets_is_named_in_full(tmp_path):
    result = CliRunner().invoke(app, ["simulate", str(tmp_path / "sim [x]"), "--galaxies", "1"])
    assert f"1 galaxy, stamps {tmp_path / 'sim [x]'}" in result.output


def test_matplotlib_says_nothing_where_home_cannot_be_written(tmp_path):
    write_folder(tmp_path / "report", pictures=False)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MPL", "XDG"))}
    command = [sys.executable, "-m", "pipeline.cli", "report", str(tmp_path)]
    result = subprocess.run(
        command, capture_output=True, text=True, env=environment | {"HOME": "/proc/nobody"}
    )
    assert (result.returncode, result.stderr) == (0, "")
