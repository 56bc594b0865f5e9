"""What came of every point, in memory and in files."""

import json
import math
import os

import pytest
from astropy.table import Table
from swept import NAMES, cross_validation, finish, out_of_fold, points_of

from report.sweep.errors import SweepError
from report.sweep.record import SweepRecord

AXES = {"rgb": ["IRG", "IGU"], "train.epochs": ["1", "2"]}


@pytest.fixture
def points():
    return points_of(AXES)


@pytest.fixture
def results(tmp_path, points):
    return SweepRecord(tmp_path / "sweep", points, AXES)


def content_of(results):
    def refuse(word):
        raise AssertionError(f"{word} is no JSON")

    return json.loads((results.folder / "sweep.json").read_text(), parse_constant=refuse)


def table_of(results):
    return Table.read(results.folder / "sweep.csv", format="ascii.csv")


def test_points_are_ranked_by_accuracy_then_auc(results, points, tmp_path):
    finish(results, points[0], tmp_path, NAMES[:2], auc=None)
    finish(results, points[1], tmp_path, NAMES[:2], auc=0.97)
    finish(results, points[2], tmp_path, NAMES[:2], auc=0.98)
    assert [results.rank(point) for point in points[:3]] == [3, 2, 1]
    finish(results, points[3], tmp_path, NAMES[:1], auc=0.5)
    assert results.best.point is points[3]
    results.failed(points[3], "no\nmemory  left")
    assert results.best.point is points[2] and results.rank(points[3]) == 4
    assert results.result(points[3]).reason == "no memory left"


def test_files_are_written_after_every_point(results, points, tmp_path):
    results.write()
    assert content_of(results)["waiting"] == 4 and content_of(results)["best"] is None
    finish(results, points[1], tmp_path, ["S1", "S2", "E1"])
    (tmp_path / "source.csv").unlink()
    content = content_of(results)
    assert (content["done"], content["failed"], content["waiting"]) == (1, 0, 3)
    assert content["best"] == "IRG_epochs_2" == content["points"][0]["slug"]
    assert content["axes"] == {"rgb": ["IRG", "IGU"], "train.epochs": ["1", "2"]}
    first = content["points"][0]
    assert first["cross_validation"] == cross_validation([0.85] * 5)
    assert first["overrides"][:2] == ["image.rgb=IRG", "train.epochs=2"] and first["against_best"] is None
    copied = results.folder / first["out_of_fold"]
    assert copied == results.result(points[1]).out_of_fold and copied.read_text().count("\n") == 21
    assert json.loads((copied.parent / "cross_validation.json").read_text()) == first["cross_validation"]

    results.failed(points[0], "a reason, with a comma")
    finish(results, points[2], tmp_path, ["S1"])
    content = content_of(results)
    assert content["best"] == "IGU_epochs_1" and content["common_galaxies"] == 20
    assert content["points"][1]["against_best"] == {
        "n": 20,
        "only_this": 0,
        "only_best": 2,
        "p_value": 0.5,
        "difference": -0.1,
    }
    assert [point["state"] for point in content["points"]] == ["done", "done", "failed", "waiting"]
    assert not [path for path in results.folder.rglob("*") if path.name.endswith(".part")]


def test_the_table_opens_in_topcat(results, points, tmp_path):
    finish(results, points[2], tmp_path, ["S1"], auc=None)
    finish(results, points[1], tmp_path, ["S1", "S2", "E1"])
    results.failed(points[0], 'a "reason", with a comma')
    table = table_of(results)
    assert all(name.isidentifier() for name in table.colnames) and len(table) == 4
    assert list(table["label"]) == ["IGU epochs 1", "IRG epochs 2", "IRG epochs 1", "IGU epochs 2"]
    assert list(table["train_epochs"]) == [1, 2, 1, 2]
    assert list(table["accuracy_mean"][:2]) == [0.95, 0.85] and table["accuracy_mean"].mask[2:].all()
    assert table["auc_mean"].mask[0] and table["auc_mean"][1] == 0.99
    assert table["difference_to_best"][1] == -0.1 and table["p_value"][1] == 0.5
    assert table["reason"][2] == 'a "reason", with a comma' and list(table["rank"][:2]) == [1, 2]


def test_a_killed_sweep_leaves_what_was_done(results, points, tmp_path, monkeypatch):
    finish(results, points[0], tmp_path)
    before = (results.folder / "sweep.json").read_bytes()

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(os, "replace", killed)
        finish(results, points[1], tmp_path)
    assert (results.folder / "sweep.json").read_bytes() == before

    # Started again, it finds its points anew, and the files become those of an undisturbed sweep.
    again = SweepRecord(results.folder, points, AXES)
    for point in points[:2]:
        finish(again, point, tmp_path)
    undisturbed = SweepRecord(tmp_path / "other", points, AXES)
    for point in points[:2]:
        finish(undisturbed, point, tmp_path)
    for name in ("sweep.json", "sweep.csv"):
        assert (again.folder / name).read_bytes() == (undisturbed.folder / name).read_bytes()


def test_a_failed_point_leaves_no_earlier_scores(results, points, tmp_path):
    finish(results, points[0], tmp_path)
    place = results.result(points[0]).out_of_fold
    again = SweepRecord(results.folder, points, AXES)
    again.failed(points[0], "no memory")
    assert not place.exists() and not (place.parent / "cross_validation.json").exists()
    assert again.scores(points[0]) == {} and again.best is None


def test_what_is_not_finite_is_null(results, points, tmp_path):
    found = cross_validation([0.9] * 5)
    found["auc_mean"] = found["folds"][2]["auc"] = math.nan
    found["loss_mean"] = math.inf
    results.done(points[0], found, out_of_fold(tmp_path / "o.csv"), 1.0)
    written = content_of(results)["points"][0]["cross_validation"]
    assert written["auc_mean"] is None and written["folds"][2]["auc"] is None and written["loss_mean"] is None
    assert math.isnan(found["auc_mean"])


def test_a_point_found_again_has_no_time(results, points, tmp_path):
    finish(results, points[0], tmp_path)
    finish(results, points[1], tmp_path, NAMES[:1], seconds=None)
    results.failed(points[2], "no memory")
    found = {
        point["slug"]: (point["seconds"], point["found_again"]) for point in content_of(results)["points"]
    }
    assert [found[point.slug] for point in points] == [
        (12.5, False),
        (None, True),
        (None, False),
        (None, False),
    ]
    table = table_of(results)
    assert list(table["found_again"][:2]) == ["false", "true"] and table["found_again"].mask[2:].all()
    assert list(table["seconds"].mask) == [False, True, True, True]


def test_what_a_reader_must_know(tmp_path, results, points):
    finish(results, points[0], tmp_path)
    assert content_of(results)["notes"] == []
    source = out_of_fold(tmp_path / "o.csv", names=NAMES[1:])
    results.done(points[1], cross_validation([0.9] * 5) | {"phases": "head"}, source, 1.0)
    notes = " ".join(content_of(results)["notes"])
    assert "optimistic" in notes and "not scored on the same galaxies" in notes
    assert "classifier head" not in notes and results.common == set(NAMES[1:])
    axes = {"data.background": ["none", "sigma_clip"], "split.seed": ["1"]}
    own = SweepRecord(tmp_path / "own", points_of(axes), axes)
    own.write()
    assert "data.background and of split.seed" in content_of(own)["notes"][0]


def test_what_is_refused(results, points, tmp_path):
    (stranger,) = points_of({"cut": ["64"]})
    with pytest.raises(SweepError, match="cut 64 is not a point"):
        results.failed(stranger, "x")
    (tmp_path / "bad.csv").write_text("a,b\n1,2\n")
    with pytest.raises(ValueError, match=r"bad\.csv: there is no column name"):
        results.done(points[0], cross_validation([0.9] * 5), tmp_path / "bad.csv", 1.0)
    (tmp_path / "file").write_text("")
    with pytest.raises(SweepError, match=r"sweep\.json cannot be written"):
        SweepRecord(tmp_path / "file", points, AXES).write()
