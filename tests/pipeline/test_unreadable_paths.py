"""Paths that cannot be read or written because of permissions: one line, status 2, no traceback."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from privileges import permissions_count

from pipeline import cli
from preprocessing.paths import unreachable, unreadable_file, unwritable_folder

CONFIG = """
pipeline.root = "run"
data.labels = "labels.csv"
data.stamps = "{band}_stamps/{name}_{band}.fits"
image = {cut = 16, size = 32}
model = {backbone = "TinyConv", weights = "none"}
cross_validation.phases = "none"
push.directory = "models"
"""


@pytest.fixture
def barred(tmp_path, write_stamp) -> Iterator[Path]:
    """A survey, a folder `locked` that nobody may enter, and a folder `fixed` that nobody may write."""
    for name in "ab":
        for band in "IRG":
            write_stamp(name, band, np.random.default_rng(0).normal(size=(20, 20)))
    (tmp_path / "labels.csv").write_text("name,label,ra,dec\na,spiral,1,1\nb,elliptical,2,2\n")
    (tmp_path / "galmorph.toml").write_text(CONFIG)
    (tmp_path / "file").write_text("")
    for name in ("locked", "fixed"):
        (tmp_path / name).mkdir()
    (tmp_path / "locked" / "t.csv").write_text("name,ra,dec,label\na,1,1,spiral\n")
    (tmp_path / "locked").chmod(0o000)
    (tmp_path / "fixed").chmod(0o555)
    with permissions_count():
        yield tmp_path
    for name in ("locked", "fixed"):
        (tmp_path / name).chmod(0o755)


def refusal(capsys, monkeypatch, *arguments: object) -> str:
    """Run the command line and return its one line on standard error."""
    monkeypatch.setattr("sys.argv", ["galmorph", *map(str, arguments)])
    monkeypatch.setattr("pipeline.run.run_jobs", lambda *_: pytest.fail("a component would have run"))
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    lines = capsys.readouterr().err.splitlines()
    assert stopped.value.code == 2 and len(lines) == 1, lines
    return lines[0]


@pytest.mark.parametrize(
    ("key", "value", "found"),
    [
        ("data.labels", "locked/t.csv", "Permission denied"),
        ("data.positions", "locked/t.csv", "Permission denied"),
        ("data.exclude", "locked/t.csv", "Permission denied"),
        ("model.weights", "locked/weights.h5", "Permission denied"),
        ("data.stamps", "locked/{name}_{band}.fits", "locked cannot be entered: Permission denied"),
        ("pipeline.root", "locked/run", "Permission denied"),
        ("pipeline.root", "fixed/run", "fixed cannot be written"),
        ("pipeline.root", "file", "file is a file, not a folder"),
        ("push.directory", "locked/models", "Permission denied"),
        ("push.directory", "fixed/models", "fixed cannot be written"),
        ("push.directory", "file", "file is a file, not a folder"),
        ("push.directory", "file/models", "file is a file, not a folder"),
    ],
)
def test_a_run_names_the_path_that_it_cannot_use(barred, capsys, monkeypatch, key, value, found):
    backbone = ("--set", "model.backbone=EfficientNetB0") if key == "model.weights" else ()
    line = refusal(capsys, monkeypatch, "run", barred / "galmorph.toml", "--set", f"{key}={value}", *backbone)
    section, _, name = key.partition(".")
    assert f"[{section}] {name}: " in line and found in line, line
    assert not (barred / "run").exists()


def test_other_verbs_do_so_too(barred, capsys, monkeypatch):
    table = ("fetch", "stamps", barred / "locked/t.csv", "--out", barred / "stamps")
    assert "t.csv cannot be reached: Permission denied" in refusal(capsys, monkeypatch, *table)
    assert "locked cannot be entered" in refusal(capsys, monkeypatch, "report", barred / "locked")
    runs = (barred / "locked/a", barred / "locked/b")
    assert "locked cannot be entered" in refusal(capsys, monkeypatch, "compare", *runs)
    simulated = refusal(capsys, monkeypatch, "simulate", barred / "fixed" / "survey")
    assert "fixed/survey: Permission denied" in simulated and "Errno" not in simulated
    config = refusal(capsys, monkeypatch, "run", barred / "locked/galmorph.toml")
    assert "Permission denied" in config


def test_inspect_names_the_folder_of_the_stamps(barred, capsys, monkeypatch):
    stamps = ("--set", "data.stamps=locked/{name}_{band}.fits", "--workers", 1)
    line = refusal(capsys, monkeypatch, "inspect", barred / "galmorph.toml", *stamps)
    assert "locked cannot be entered: Permission denied" in line


def test_what_is_there_and_what_is_not(tmp_path):
    assert unreadable_file(tmp_path / "absent") == "does not exist" and unreachable(tmp_path / "absent") == ""
    assert unreadable_file(tmp_path) == "is not a file" and unwritable_folder(tmp_path / "a" / "b") == ""
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    assert unreadable_file(tmp_path / "loop").startswith("cannot be reached: Too many")
    assert "File name too long" in unreadable_file(tmp_path / ("n" * 300))
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    assert "a link to" in unwritable_folder(tmp_path / "dangling" / "models")
