import json
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from astropy.visualization import make_lupton_rgb
from raw_examples import stamp, write_raw

from components.morphology_report import pictures
from components.morphology_report.pictures import render_pictures
from preprocessing.planes import Plane
from preprocessing.settings import ImageSettings

IMAGE = ImageSettings(cut=16, size=16)


def png(path: Path) -> np.ndarray:
    return tf.io.decode_png(path.read_bytes()).numpy()


def rendered(folder: Path, files, names, views=(), image=IMAGE, bands=("I", "R", "G")) -> dict:
    render_pictures(folder / "pictures", files, names, views, image, bands)
    index = json.loads((folder / "pictures" / "index.json").read_text())
    written = {path.name for path in (folder / "pictures").glob("*.png")}
    listed = [file for galaxy in index["galaxies"].values() for file in galaxy["views"].values()]
    listed += [galaxy["picture"] for galaxy in index["galaxies"].values()]
    assert sorted(listed) == sorted(written), "every file is listed, and every one listed is there"
    return index


def expected(planes: dict[str, Plane], rgb: str, stretch: float) -> np.ndarray:
    """What astropy makes of the central 16 pixels, the last row on top."""
    cut = [planes[band].flux[2:18, 2:18] for band in rgb]
    return make_lupton_rgb(*cut, stretch=stretch, Q=8)[::-1]


def test_a_picture_is_what_the_network_sees_the_right_way_up(tmp_path):
    galaxies = {f"g{number}": stamp(number) for number in range(5)}
    files = {"train": [write_raw(tmp_path / "train", galaxies)], "uncertain": []}
    index = rendered(tmp_path, files, {"g3", "g1"})
    assert list(index["galaxies"]) == ["g1", "g3"] and index["size"] == 16
    assert index["problems"] == {} and index["notes"] == []
    for name, entry in index["galaxies"].items():
        picture = png(tmp_path / "pictures" / entry["picture"])
        assert np.abs(picture.astype(int) - expected(galaxies[name], "IRG", 3.0)).max() <= 1
        assert picture[:4].mean() > 1.3 * picture[-4:].mean(), "the galaxies are brighter at the top"


def test_chosen_galaxies_of_any_split_and_batch_are_found(tmp_path, monkeypatch):
    monkeypatch.setattr(pictures, "_BATCH_EXAMPLES", 3)
    names = [f"g{number:02d}" for number in range(20)]
    galaxies = {name: stamp(number) for number, name in enumerate(names)}
    halves = [dict(list(galaxies.items())[part::2]) for part in range(2)]
    files = {
        split: [write_raw(tmp_path / split, half)]
        for split, half in zip(("test", "train"), halves, strict=True)
    }
    index = rendered(tmp_path, files, names[3::4])
    assert list(index["galaxies"]) == names[3::4]
    for name, entry in index["galaxies"].items():
        picture = png(tmp_path / "pictures" / entry["picture"])
        assert np.abs(picture.astype(int) - expected(galaxies[name], "IRG", 3.0)).max() <= 1


def test_reading_ends_with_the_last_galaxy_asked_for(tmp_path):
    files = {"train": [write_raw(tmp_path / "train", {"a": stamp(0)})], "val": [str(tmp_path / "absent")]}
    assert list(rendered(tmp_path, files, ["a"])["galaxies"]) == ["a"]


def test_views_are_the_presets_that_the_bands_allow_and_other_stretches(tmp_path):
    planes = stamp(0, "IRGZ")
    files = {"train": [write_raw(tmp_path / "train", {"a": planes, "b": stamp(1, "IRGZ")})]}
    index = rendered(tmp_path, files, ["b"], ["a"], bands=("I", "R", "G", "Z"))
    assert index["galaxies"]["b"]["views"] == {}
    views = index["galaxies"]["a"]["views"]
    assert list(views) == ["ZRG", "stretch 1", "stretch 10", "stretch 30"]
    for title, rgb, stretch in (("ZRG", "ZRG", 3), ("stretch 1", "IRG", 1), ("stretch 30", "IRG", 30)):
        picture = png(tmp_path / "pictures" / views[title])
        assert np.abs(picture.astype(int) - expected(planes, rgb, stretch)).max() <= 1, title
    note = '{} is not shown: the Examples have no {}; [data] bands = ["I", "R", "G", "Z", "{}"] would keep it'
    assert index["notes"] == [note.format("IGU", "U", "U"), note.format("R660G", "F660", "F660")]


def test_stretches_go_with_the_units_of_the_flux(tmp_path):
    files = {"train": [write_raw(tmp_path / "train", {"a": stamp(0)})]}
    image = ImageSettings(cut=16, size=16, stretch=0.012)
    views = rendered(tmp_path, files, [], ["a"], image)["galaxies"]["a"]["views"]
    assert list(views) == ["stretch 0.004", "stretch 0.04", "stretch 0.12"]


def test_a_black_level_goes_with_its_band(tmp_path):
    planes = stamp(0, "IRGZ")
    files = {"train": [write_raw(tmp_path / "train", {"a": planes})]}
    image = ImageSettings(cut=16, size=16, minimum=(0.5, 1.0, 2.0))
    index = rendered(tmp_path, files, [], ["a"], image, ("I", "R", "G", "Z"))
    picture = png(tmp_path / "pictures" / index["galaxies"]["a"]["views"]["ZRG"])
    cut = [planes[band].flux[2:18, 2:18] for band in "ZRG"]
    reference = make_lupton_rgb(*cut, minimum=[0.0, 1.0, 2.0], stretch=3, Q=8)[::-1]
    assert np.abs(picture.astype(int) - reference).max() <= 1


def test_names_of_any_kind_make_safe_file_names(tmp_path):
    names = ["../../etc/passwd", "..", "a/b", "<b>&amp;", "é" * 300, "SPLUS.001.griz"]
    files = {"train": [write_raw(tmp_path / "train", {name: stamp(0) for name in names})]}
    index = rendered(tmp_path, files, names)
    assert set(index["galaxies"]) == set(names)
    assert all(entry["picture"].removesuffix(".png").isdigit() for entry in index["galaxies"].values())


def test_a_galaxy_without_picture_is_a_problem_not_an_end(tmp_path):
    torn = stamp(2)
    torn["G"] = Plane(np.ones(7, "f4"), 20, 20, 0.0, 0.0)
    galaxies = {"good": stamp(0), "no G": stamp(1, "IR"), "torn": torn, "small": stamp(3, side=12)}
    files = {"train": [write_raw(tmp_path / "train", galaxies)]}
    index = rendered(tmp_path, files, [*galaxies, "nobody"])
    assert list(index["galaxies"]) == ["good"]
    assert index["problems"] == {
        "no G": "its Example has no plane of band G",
        "nobody": "it is not among the Examples of the run",
        "small": "its planes of 12 pixels are smaller than the cut of 16",
        "torn": "the planes of its Example are not squares of one size",
    }


@pytest.mark.parametrize("files", [{}, {"train": []}])
def test_no_galaxies_at_all(tmp_path, files):
    index = rendered(tmp_path, files, [])
    assert index == {"galaxies": {}, "size": 16, "problems": {}, "notes": []}
