"""A survey of eight galaxies that passes every check before a run, and the command line in this process."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pipeline import cli

CONFIG = """
[pipeline]
root = "run"
[data]
labels = "labels.csv"
stamps = "{band}_stamps/{name}_{band}.fits"
[image]
cut = 16
size = 32
[split]
train = 0.5
val = 0.25
test = 0.25
folds = 2
[model]
backbone = "TinyConv"
weights = "none"
[push]
directory = "models"
"""


def write_survey(folder: Path, write_stamp: Callable[..., Path]) -> Path:
    """Write the survey and its configuration, and return the latter."""
    for name in "abcdefgh":
        for band in "IRG":
            write_stamp(name, band, np.ones((20, 24)))
    rows = [f"{name},{'spiral' if name < 'e' else 'elliptical'}\n" for name in "abcdefgh"]
    (folder / "labels.csv").write_text("name,label\n" + "".join(rows))
    (folder / "galmorph.toml").write_text(CONFIG)
    return folder / "galmorph.toml"


def exit_status(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    """Run `galmorph` as its users do, and return its status."""
    monkeypatch.setattr("sys.argv", ["galmorph", *map(str, arguments)])
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    return int(stopped.value.code or 0)
