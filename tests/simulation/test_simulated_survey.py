"""The survey on disk: the same bytes for the same seed, every row accounted for, nothing overwritten."""

import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from survey_measures import read_rows

from preprocessing import processes
from simulation import objects, survey
from simulation.stamps import DAMAGES
from simulation.survey import simulate_survey

BANDS = ("G", "R")


def contents(folder: Path) -> dict[str, bytes]:
    """Return every file of a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def small(tmp_path_factory) -> Path:
    """Return a survey of 16 galaxies in two bands."""
    out = tmp_path_factory.mktemp("small") / "survey"
    simulate_survey(out, 16, seed=3, size=48, bands=BANDS)
    return out


def test_number_of_workers_changes_no_byte(tmp_path, monkeypatch):
    pools = []

    class Pool(processes.ProcessPoolExecutor):
        def __init__(self, workers, **keywords):
            pools.append(workers)
            super().__init__(workers, **keywords)

    monkeypatch.setattr(processes, "ProcessPoolExecutor", Pool)
    for workers in (1, 2):
        simulate_survey(tmp_path / str(workers), 90, seed=1, size=32, bands=["R"], workers=workers)
    assert pools == [2]
    alone, together = contents(tmp_path / "1"), contents(tmp_path / "2")
    assert len(alone) > 80
    assert alone == together


def test_another_seed_gives_other_galaxies(small, tmp_path):
    simulate_survey(tmp_path / "other", 16, seed=4, size=48, bands=BANDS)
    assert contents(small)["labels.csv"] != contents(tmp_path / "other")["labels.csv"]
    assert not set(contents(small / "R_stamps")) & set(contents(tmp_path / "other" / "R_stamps"))


def test_first_objects_are_those_of_a_smaller_survey(small, tmp_path):
    simulate_survey(tmp_path / "few", 6, seed=3, size=48, bands=BANDS)
    few, many = contents(tmp_path / "few"), contents(small)
    for table in ("labels.csv", "truth.csv"):
        assert many[table].splitlines()[:7] == few[table].splitlines()
    stamps = [name for name in few if name.endswith(".fits")]
    assert stamps
    assert all(few[name] == many[name] for name in stamps)


def test_image_and_votes_do_not_depend_on_the_other_bands(small, tmp_path):
    simulate_survey(tmp_path / "three", 16, seed=3, size=48, bands=["J0660", "R", "u"])
    assert sorted(path.name for path in (tmp_path / "three").glob("*_stamps")) == [
        "F660_stamps",
        "R_stamps",
        "U_stamps",
    ]
    assert contents(small)["labels.csv"] == contents(tmp_path / "three")["labels.csv"]
    damaged = {truth["name"] for _, truth in read_rows(small) if truth["damage"]}
    ours, theirs = contents(small / "R_stamps"), contents(tmp_path / "three" / "R_stamps")
    sound = [name for name in ours if name.removesuffix("_R.fits") not in damaged]
    assert len(sound) > 8
    assert all(ours[name] == theirs[name] for name in sound)


def test_names_are_unique_and_like_those_of_splus():
    targets = [objects.draw_object(0, index) for index in [*range(300), 99990, 99991, 99992, 199982]]
    assert all(re.fullmatch(r"SPLUS\.STRIPE82-0(0|1)\d\d\.\d{5,}\.griz", target.name) for target in targets)
    assert len({target.name.split(".")[2] for target in targets}) == len(targets)
    for target in targets:
        field = survey_field(target)
        assert f"STRIPE82-{target.field_number:04d}" in target.name
        assert abs((target.ra - field.ra + 180) % 360 - 180) < 0.75
        assert abs(target.dec - field.dec) < 0.75
    assert all(target.ra < 60.1 or target.ra > 299.9 for target in targets)


def survey_field(target):
    """Return the field of an object of seed 0."""
    return objects.observe_field(0, target.field_number)


def state_of_file(path: Path) -> str:
    """Return what is wrong with a file, in the words of truth.csv."""
    if not path.exists():
        return "missing_band"
    content = path.read_bytes()
    if not content:
        return "zero_bytes"
    if content.startswith(b"<!DOCTYPE html"):
        return "html_page"
    header = fits.Header.fromfile(path)
    if len(content) % 2880 or len(content) < header["NAXIS1"] * header["NAXIS2"] * 4 + 2880:
        return "truncated"
    image = fits.getdata(path)
    return "all_nan" if np.isnan(image).all() else "" if np.isfinite(image).all() else "some_nan"


def test_every_row_is_accounted_for(tmp_path, monkeypatch):
    monkeypatch.setattr(objects, "_WITHOUT_FILES", 0.2)
    monkeypatch.setattr(objects, "_DAMAGED", 0.4)
    summary = simulate_survey(tmp_path / "bad", 70, seed=5, size=32, bands=BANDS, workers=1)
    rows = read_rows(tmp_path / "bad")
    assert len(rows) == 70
    found: Counter[str] = Counter()
    expected_files = set()
    for label, truth in rows:
        assert label["name"] == truth["name"]
        paths = {band: Path(summary.stamps.format(band=band, name=label["name"])) for band in BANDS}
        states = {band: state_of_file(path) for band, path in paths.items()}
        if truth["damage"] == "no_files":
            assert set(states.values()) == {"missing_band"}
        else:
            assert states == {band: truth["damage"] * (band == truth["damaged_band"]) for band in BANDS}
        found[truth["damage"]] += 1
        expected_files |= {path for path in paths.values() if path.exists()}
    assert set(found) == {"", "no_files", *DAMAGES}
    assert summary.damages == {kind: count for kind, count in found.items() if kind}
    assert sum(summary.kinds.values()) == summary.galaxies == 70
    assert set((tmp_path / "bad").rglob("*.fits")) == expected_files


def test_about_three_rows_in_a_hundred_have_no_files_and_one_is_damaged():
    damages = Counter(objects.draw_object(2, index).damage for index in range(2000))
    assert 35 < damages.pop("no_files") < 90
    assert 1890 < damages.pop("") < 1945
    assert set(damages) == set(DAMAGES)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"galaxies": 0}, "at least 1 galaxy, not 0"),
        ({"seed": -1}, "must not be negative, but is -1"),
        ({"size": 31}, "at least 32 pixels wide, not 31"),
        ({"bands": ["R", "Q"]}, "unknown band 'Q'"),
        ({"bands": []}, "at least one band"),
        ({"bands": ["F660", "660"]}, "named twice"),
        ({"workers": 0}, "at least 1 worker"),
    ],
)
def test_bad_arguments_are_refused_before_anything_is_written(tmp_path, arguments, words):
    with pytest.raises(ValueError, match=words):
        simulate_survey(tmp_path / "out", **{"galaxies": 1, **arguments})
    assert not (tmp_path / "out").exists()


def test_whole_survey_is_left_as_it_is(small):
    before = {path: path.stat().st_mtime_ns for path in small.rglob("*")}
    calls = []
    again = simulate_survey(
        small, 16, seed=3, size=48, bands=["g", "r"], progress=lambda *done: calls.append(done)
    )
    assert {path: path.stat().st_mtime_ns for path in small.rglob("*")} == before
    assert calls == []
    assert again.galaxies == 16 == sum(again.kinds.values())


@pytest.mark.parametrize(
    "change", [{"seed": 4}, {"galaxies": 15}, {"size": 64}, {"bands": ("G",)}, {"bands": ("R", "G")}]
)
def test_survey_with_other_arguments_is_not_overwritten(small, change):
    before = contents(small)
    with pytest.raises(FileExistsError, match="other arguments"):
        simulate_survey(small, **{"galaxies": 16, "seed": 3, "size": 48, "bands": BANDS, **change})
    assert contents(small) == before


def test_folder_with_other_things_is_refused(tmp_path):
    (tmp_path / "thesis.tex").write_text("precious")
    with pytest.raises(FileExistsError, match="holds no simulated survey"):
        simulate_survey(tmp_path, 1)
    with pytest.raises(FileExistsError, match="is a file"):
        simulate_survey(tmp_path / "thesis.tex", 1)
    (tmp_path / "survey.json").write_text("{")
    with pytest.raises(FileExistsError, match="cannot be read"):
        simulate_survey(tmp_path, 1)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["survey.json", "thesis.tex"]


def test_interrupted_survey_does_not_pass_for_a_whole_one_and_is_written_anew(small, tmp_path):
    def interrupt(done: int, total: int) -> None:
        assert (done, total) == (8, 16)
        raise KeyboardInterrupt

    out = tmp_path / "cut"
    with pytest.raises(KeyboardInterrupt):
        simulate_survey(out, 16, seed=3, size=48, bands=BANDS, progress=interrupt)
    assert list(out.rglob("*.fits"))
    assert not (out / "survey.json").exists()
    assert not (out / "labels.csv").exists()
    with pytest.raises(FileExistsError, match="other arguments"):
        simulate_survey(out, 17, seed=3, size=48, bands=BANDS)
    simulate_survey(out, 16, seed=3, size=48, bands=BANDS)
    assert contents(out) == contents(small)
    assert json.loads((out / "survey.json").read_text())["arguments"]["galaxies"] == 16


def test_import_is_light():
    code = "import sys, simulation.survey; print(sorted({'galsim', 'astropy', 'numpy'} & set(sys.modules)))"
    root = Path(survey.__file__).parents[1]
    answer = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "[]"
