"""Options of the command line: version and completion."""

import os
import subprocess
from importlib.metadata import version

import pytest
from whole_runs import COMMAND, galmorph


def test_the_version_is_that_of_the_package():
    result = galmorph("--version")
    assert (result.returncode, result.stdout, result.stderr) == (0, f"galmorph {version('galmorph')}\n", "")


@pytest.mark.parametrize(
    ("words", "expected"), [("galmorph si", "simulate"), ("galmorph fetch w", "weights")]
)
def test_a_shell_completes_verbs(words, expected):
    number = len(words.split()) - 1
    asked = {"_GALMORPH_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(number)}
    result = subprocess.run([COMMAND], capture_output=True, text=True, env={**os.environ, **asked})
    assert result.stdout.split() == [expected]
