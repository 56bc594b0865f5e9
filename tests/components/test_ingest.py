"""The ingest on Beam, without TFX."""

import csv
import dataclasses
import json
import random
from pathlib import Path

import apache_beam as beam
import numpy as np
import pytest
import tensorflow as tf
from apache_beam.options.pipeline_options import PipelineOptions

from components.fits_example_gen.ingest import Ingested, IngestError, ingest
from preprocessing.data_settings import DataSettings, SplitSettings
from preprocessing.rejects import REASONS, Reject
from preprocessing.rows.account import ingest_account, table_csv
from preprocessing.rows.division import stamp_reader

LABELS = ["spiral"] * 24 + ["elliptical"] * 16 + ["uncertain"] * 3


@pytest.fixture
def survey(tmp_path, write_stamp) -> Path:
    """43 good objects, of 8 x 9 pixels in two bands, and one row for each way to go wrong."""
    noise = np.random.default_rng(0)
    rows = [(f"SPLUS.{index:03d}.griz", label) for index, label in enumerate(LABELS)]
    for name, _ in rows:
        for band in "RG":
            write_stamp(name, band, noise.normal(size=(8, 9)).astype("f4"))
    rows += [("no-file", "spiral"), ("../../etc/passwd", "spiral"), ("", "spiral"), ("odd", "blob")]
    rows += [("half", "spiral"), ("text", "elliptical"), ("SPLUS.000.griz", "spiral")]
    write_stamp("half", "R", noise.normal(size=(8, 9)))
    for band in "RG":
        (tmp_path / f"{band}_stamps" / f"text_{band}.fits").write_text("<html>")
    with open(tmp_path / "labels.csv", "w", newline="") as table:
        csv.writer(table).writerows([("name", "label"), *rows])
    return tmp_path


def run(folder: Path, out: Path, workers: int = 1, table: str = "labels.csv", **split) -> Ingested:
    data = DataSettings(
        labels=str(folder / table), stamps=str(folder / "{band}_stamps" / "{name}_{band}.fits")
    )
    arguments = [
        "--direct_running_mode=multi_threading" if workers > 1 else "--direct_running_mode=in_memory"
    ]
    options = PipelineOptions(["--runner=DirectRunner", *arguments, f"--direct_num_workers={workers}"])
    scratch = out / "scratch"
    scratch.mkdir(parents=True)
    return ingest(
        data,
        SplitSettings(**split),
        stamp_reader(data, ("R", "G"), 8),
        lambda: beam.Pipeline(options=options),
        lambda name: str(out / f"Split-{name}"),
        str(scratch),
    )


def contents(out: Path) -> dict[str, bytes]:
    return {str(path.relative_to(out)): path.read_bytes() for path in sorted(out.glob("Split-*/*"))}


def examples(out: Path, split: str) -> list[dict]:
    files = [str(path) for path in (out / f"Split-{split}").iterdir()]
    return [
        tf.train.Example.FromString(record.numpy()).features.feature
        for record in tf.data.TFRecordDataset(files)
    ]


def test_every_row_is_an_example_or_a_reject(survey, tmp_path):
    result = run(survey, tmp_path / "out")
    rejects = result.division.rejects
    reasons = {(reject.row, reject.reason) for reject in rejects}
    assert reasons == {
        (44, "missing_file"),
        (45, "bad_name"),
        (46, "no_name"),
        (47, "bad_label"),
        (48, "missing_file"),
        (49, "unreadable"),
        (50, "duplicate_name"),
    }
    assert {reject.reason for reject in rejects} <= REASONS.keys()
    report = json.loads(ingest_account(result.table, result.division, result.notes))
    assert report["rows"] == 50 == report["examples"] + report["rejects"]
    assert report["classes"] == {"spiral": 24, "elliptical": 16, "uncertain": 3}
    assert report["rejects_by_class"] == {
        "none": {"no_name": 1, "bad_label": 1},
        "spiral": {"missing_file": 2, "bad_name": 1, "duplicate_name": 1},
        "elliptical": {"unreadable": 1},
    }
    assert report["splits"] == {"train": 22, "val": 7, "test": 3, "holdout": 8, "uncertain": 3}
    table = list(csv.DictReader(table_csv(Reject, rejects).splitlines()))
    assert list(table[0]) == ["row", "name", "file", "reason", "message"]
    assert table[4]["file"].endswith("G_stamps/half_G.fits")
    for split, count in report["splits"].items():
        assert len(examples(tmp_path / "out", split)) == count


def test_an_example_holds_the_pixels_and_what_was_measured(survey, tmp_path):
    run(survey, tmp_path / "out")
    from astropy.io import fits

    for split, label in (("train", {0, 1}), ("holdout", {0}), ("uncertain", {-1})):
        for example in examples(tmp_path / "out", split):
            name = example["name"].bytes_list.value[0].decode()
            image = fits.getdata(survey / "R_stamps" / f"{name}_R.fits")[:, :8]
            flux = np.frombuffer(example["flux_R"].bytes_list.value[0], "<f4").reshape(8, 8)
            assert np.array_equal(flux, image)
            assert example["mean_R"].float_list.value[0] == pytest.approx(image.mean(), rel=1e-5)
            assert example["label"].int64_list.value[0] in label
            assert (example["height"].int64_list.value[0], example["width"].int64_list.value[0]) == (8, 9)
            assert "ra" not in example and "magnitude" not in example
            assert (example["fold"].int64_list.value[0] >= 0) == (split == "train")


def test_workers_and_order_of_rows_change_no_byte(survey, tmp_path):
    run(survey, tmp_path / "one")
    run(survey, tmp_path / "two", workers=3)
    header, *rows = (survey / "labels.csv").read_text().splitlines()
    random.Random(1).shuffle(rows)
    (survey / "shuffled.csv").write_text("\n".join([header, *rows]) + "\n")
    run(survey, tmp_path / "three", table="shuffled.csv")
    assert contents(tmp_path / "one") == contents(tmp_path / "two") == contents(tmp_path / "three")


def test_a_changed_pixel_moves_no_galaxy(survey, tmp_path, write_stamp):
    run(survey, tmp_path / "before")
    write_stamp("SPLUS.001.griz", "R", np.random.default_rng(9).normal(size=(8, 9)).astype("f4"))
    run(survey, tmp_path / "after")
    for split in ("train", "val", "test", "holdout"):
        names = [
            [example["name"].bytes_list.value[0] for example in examples(tmp_path / when, split)]
            for when in ("before", "after")
        ]
        assert names[0] == names[1]


def test_a_class_that_is_lost_altogether_stops_the_ingest(survey, tmp_path):
    for path in survey.glob("G_stamps/SPLUS.02[4-9]*"):
        path.unlink()
    for path in survey.glob("G_stamps/SPLUS.03*"):
        path.unlink()
    with pytest.raises(
        IngestError, match=r"no elliptical galaxy has usable stamps.*27 usable.*18 missing_file"
    ):
        run(survey, tmp_path / "out")


def test_a_split_that_would_lack_a_class_stops_the_ingest(survey, tmp_path):
    for path in survey.glob("G_stamps/SPLUS.02[6-9]*"):
        path.unlink()
    for path in survey.glob("G_stamps/SPLUS.03*"):
        path.unlink()
    with pytest.raises(IngestError, match=r"split '(val|test)' has no (spiral|elliptical) galaxy"):
        run(survey, tmp_path / "out")


def test_a_row_unaccounted_for_is_an_error(survey, tmp_path):
    result = run(survey, tmp_path / "out")
    lost = dataclasses.replace(result.division, rejects=result.division.rejects[1:])
    with pytest.raises(RuntimeError, match="50 rows, but 43 examples and 6 rejects of 49 different rows"):
        ingest_account(result.table, lost, result.notes)
    twice = [*lost.rejects, lost.rejects[0]]
    with pytest.raises(RuntimeError, match="50 rows, but 43 examples and 7 rejects of 49 different rows"):
        ingest_account(result.table, dataclasses.replace(lost, rejects=twice), result.notes)


def test_a_stamp_that_is_lost_or_makes_us_fail_between_the_passes_is_a_reject(survey, tmp_path, monkeypatch):
    """The splits are drawn anew, as if the object had been bad from the start."""
    from components.fits_example_gen import ingest as module

    lost, faulty = "SPLUS.005.griz", "SPLUS.030.griz"
    check, build = module._check_stamps, module.build_example

    def check_and_lose(*arguments):
        found = check(*arguments)
        (survey / "R_stamps" / f"{lost}_R.fits").unlink()
        return found

    def build_or_fail(entry, *arguments):
        if entry.name == faulty:
            raise KeyError("boom")
        return build(entry, *arguments)

    monkeypatch.setattr(module, "_check_stamps", check_and_lose)
    monkeypatch.setattr(module, "build_example", build_or_fail)
    result = run(survey, tmp_path / "late")
    late = {r.name: (r.row, r.reason) for r in result.division.rejects if r.name in (lost, faulty)}
    assert late == {lost: (6, "missing_file"), faulty: (31, "internal_error")}
    assert json.loads(ingest_account(result.table, result.division, result.notes))["examples"] == 41
    monkeypatch.setattr(module, "_check_stamps", check)
    again = run(survey, tmp_path / "early")
    assert contents(tmp_path / "late") == contents(tmp_path / "early")
    assert {r.name for r in again.division.rejects} == {r.name for r in result.division.rejects}
