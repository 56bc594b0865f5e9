"""What the tests that run whole pipelines share: a quick configuration, and the command as a user runs it."""

import json
import os
import subprocess
import sys
from pathlib import Path

GALAXIES = 160
CONFIG = """
[pipeline]
root = "run"
[data]
labels = "survey/labels.csv"
stamps = "survey/{band}_stamps/{name}_{band}.fits"
[image]
cut = 96
size = 32
[split]
train = 0.6
val = 0.2
test = 0.2
[model]
backbone = "TinyConv"
weights = "none"
[train]
epochs = 3
fine_tune_epochs = 15
fine_tune_learning_rate = 5e-3
[gate]
min_accuracy = 0.0
min_auc = 0.0
max_accuracy_drop = 1.0
[push]
directory = "models"
"""


UNTRIED = (
    CONFIG
    + """[serving]
validator = "none"
"""
)
"""The same without a trial of the model before it is published, which takes as long as a small training."""

COMMAND = Path(sys.executable).with_name("galmorph")


def galmorph(
    *arguments: object, cwd: Path | None = None, command: Path = COMMAND
) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    words = [str(command), *map(str, arguments)]
    return subprocess.run(words, capture_output=True, text=True, timeout=1500, cwd=cwd, env=environment)


def states(result: subprocess.CompletedProcess[str]) -> dict[str, str]:
    """State of each node as the command printed it."""
    words = [line.split() for line in result.stdout.splitlines()]
    return {
        line[0]: line[1]
        for line in words
        if len(line) > 2 and line[1] in ("done", "cached", "skipped", "failed")
    }


def simulated_survey(folder: Path, config: str = CONFIG, *, galaxies: int = GALAXIES, size: int = 96) -> None:
    """Write a configuration and the survey that it names."""
    (folder / "galmorph.toml").write_text(config)
    survey = ("--galaxies", galaxies, "--seed", 5, "--size", size)
    result = galmorph("simulate", folder / "survey", *survey)
    assert result.returncode == 0, result.stderr


def report(folder: Path, name: str) -> dict:
    """Read a JSON file of the report."""
    return json.loads((folder / "run" / "report" / name).read_text())
