"""Checks of the pictures before a run: warnings, and a refusal if they show nothing."""

import numpy as np
import pytest

from pipeline import cli

CONFIG = """
pipeline.root = "run"
data.labels = "labels.csv"
data.stamps = "{band}_stamps/{name}_{band}.fits"
image = {cut = 32, size = 32}
model = {backbone = "TinyConv", weights = "none"}
cross_validation.phases = "none"
push.directory = "models"
"""


class Started(Exception):
    """A component would have run."""


@pytest.fixture
def survey(tmp_path, write_stamp):
    """20 galaxies on noise of 1: a stretch of 17 suits them."""
    rng, offsets = np.random.default_rng(1), np.arange(32) - 15.5
    galaxy = 100 * np.exp(-np.hypot(offsets, offsets[:, None]) / 4)
    rows = [f"g{place:02d},{('spiral', 'elliptical')[place % 2]}" for place in range(20)]
    for row in rows:
        for band in "IRGU":
            scale = 1e6 if band == "U" else 1
            write_stamp(row.split(",")[0], band, scale * (galaxy + rng.normal(size=(32, 32))))
    (tmp_path / "labels.csv").write_text("\n".join(["name,label", *rows]))
    (tmp_path / "galmorph.toml").write_text(CONFIG)
    return tmp_path


def run(config, capsys, monkeypatch, *overrides: str) -> tuple[list[str], list[str]]:
    """Return the warnings and what is on standard error; nothing of the latter if components would run."""
    sets = [word for override in overrides for word in ("--set", override)]
    monkeypatch.setattr("sys.argv", ["galmorph", "run", str(config), *sets])
    monkeypatch.setenv("COLUMNS", "60")

    def start(*_):
        raise Started

    monkeypatch.setattr("pipeline.run.run_jobs", start)
    with pytest.raises((Started, SystemExit)) as ended:
        cli.main()
    output = capsys.readouterr()
    refused = isinstance(ended.value, SystemExit)
    assert refused == bool(output.err) and (not refused or ended.value.code == 2)
    lines = [line for line in output.out.splitlines() if line.startswith("  warning: ")]
    return lines, output.err.splitlines()


def test_a_good_stretch_gives_no_warning(survey, capsys, monkeypatch):
    assert run(survey / "galmorph.toml", capsys, monkeypatch, "image.stretch=20") == ([], [])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("image.stretch=200", "stretch = 200 is 1"),
        ("image.stretch=0.5", "saturated galaxies"),
        ("image.rgb=IRU", "differ by orders of magnitude"),
    ],
)
def test_problems_of_the_pictures_are_warnings(survey, capsys, monkeypatch, change, said):
    warnings, refusal = run(survey / "galmorph.toml", capsys, monkeypatch, "image.stretch=20", change)
    assert any(said in warning for warning in warnings) and not refusal


@pytest.mark.parametrize(
    "change", ["image.stretch=1e12", "image.minimum=1e9", "image.minimum=[-1e9, -1e9, -1e9]"]
)
def test_pictures_of_one_colour_are_refused(survey, capsys, monkeypatch, change):
    warnings, (line,) = run(survey / "galmorph.toml", capsys, monkeypatch, change)
    assert not warnings and "20 of 20 sampled galaxies are of one colour" in line and "suits" in line


def test_real_fluxes_of_1e_minus_10(real_data, tmp_path, capsys, monkeypatch):
    stamps = real_data / "kids-stamps"
    (tmp_path / "galmorph.toml").write_text(CONFIG)
    where = (
        f"data.labels={stamps}/labels.csv",
        f"data.stamps={stamps}/{{band}}_stamps/{{name}}_{{band}}.fits",
        "image.cut=64",
    )
    _, (line,) = run(tmp_path / "galmorph.toml", capsys, monkeypatch, *where, "image.stretch=3")
    assert "[image] stretch = 3: " in line and "are of one colour" in line and "e-10 suits" in line
    warnings, refusal = run(tmp_path / "galmorph.toml", capsys, monkeypatch, *where, "image.stretch=1e-10")
    assert not refusal and not any("stretch = " in warning for warning in warnings)
