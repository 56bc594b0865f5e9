"""The ingest from an object store."""

import csv
import re
from pathlib import Path

import apache_beam as beam
import numpy as np
import pytest
from apache_beam.options.pipeline_options import PipelineOptions
from object_store import BUCKET, KEY, SECRET

from components.fits_example_gen.ingest import Ingested, ingest
from preprocessing.data_settings import DataSettings, SplitSettings
from preprocessing.rejects import Reject
from preprocessing.rows.account import ingest_account, table_csv
from preprocessing.rows.division import StampNote, label_files, stamp_reader
from preprocessing.rows.exclusion import read_rows
from preprocessing.rows.fingerprint import input_fingerprint
from preprocessing.storage_errors import StorageError

STAMPS = "{band}_stamps/{name}_{band}.fits"


@pytest.fixture
def survey(tmp_path, write_stamp, object_store) -> Path:
    """70 good objects, and some bad ones, on the disk and in the store."""
    noise = np.random.default_rng(0)
    rows = [(f"g{index:02d}", "spiral" if index % 2 else "elliptical") for index in range(70)]
    for name, _ in rows:
        for band in "RG":
            write_stamp(name, band, noise.normal(size=(9, 8)).astype("f4"), FILTER="g")
    rows += [("no-file", "spiral"), ("../x", "spiral"), ("", "spiral"), ("odd", "blob"), ("half", "spiral")]
    rows += [("text", "spiral"), ("g00", "elliptical")]
    write_stamp("half", "R", noise.normal(size=(9, 8)))
    write_stamp("text", "R", noise.normal(size=(9, 8)))
    (tmp_path / "G_stamps/text_G.fits").write_text("<html>")
    with open(tmp_path / "labels.csv", "w", newline="") as table:
        csv.writer(table).writerows([("name", "label"), *rows])
    object_store.upload(tmp_path)
    return tmp_path


def settings(place: str | Path) -> DataSettings:
    return DataSettings(labels=f"{place}/labels.csv", stamps=f"{place}/{STAMPS}")


def run(place: str | Path, out: Path, *arguments: str) -> Ingested:
    data = settings(place)
    options = PipelineOptions(["--runner=DirectRunner", *(arguments or ("--direct_running_mode=in_memory",))])
    (out / "scratch").mkdir(parents=True, exist_ok=True)
    return ingest(
        data,
        SplitSettings(folds=2),
        stamp_reader(data, ("R", "G"), 8),
        lambda: beam.Pipeline(options=options),
        lambda name: str(out / f"Split-{name}"),
        str(out / "scratch"),
    )


def result(place: str | Path, out: Path, found: Ingested) -> dict[str, bytes]:
    """Everything that an ingest leaves, without the place of the data."""
    files = {str(path.relative_to(out)): path.read_bytes() for path in sorted(out.glob("Split-*/*"))}
    account = ingest_account(
        found.table,
        found.division,
        found.notes,
        bands=["R", "G"],
        stamp_size=8,
        fingerprint="",
        data={},
        split={},
    )
    texts = (account, table_csv(Reject, found.division.rejects), table_csv(StampNote, found.notes))
    return files | {str(n): text.replace(f"{place}/", "").encode() for n, text in enumerate(texts)}


MODES = {
    "in_memory": (),
    "multi_threading": ("--direct_running_mode=multi_threading", "--direct_num_workers=2"),
    "multi_processing": ("--direct_running_mode=multi_processing", "--direct_num_workers=2"),
}


@pytest.mark.parametrize("mode", [*list(MODES)[:2], pytest.param("multi_processing", marks=pytest.mark.slow)])
def test_it_is_the_same_as_from_a_disk(survey, tmp_path, mode):
    place, here, there = f"s3://{BUCKET}", tmp_path / "here", tmp_path / "there"
    expected = result(survey, here, run(survey, here))
    found = run(place, there, *MODES[mode])
    assert result(place, there, found) == expected
    reasons = {reject.name: reject.reason for reject in found.division.rejects}
    assert reasons["no-file"] == reasons["half"] == "missing_file" and reasons["text"] == "unreadable"
    kept = b"".join(path.read_bytes() for path in (there / "scratch").rglob("*") if path.is_file())
    assert SECRET.encode() not in kept and KEY.encode() not in kept


@pytest.mark.parametrize("mode", ["in_memory", pytest.param("multi_processing", marks=pytest.mark.slow)])
def test_a_store_that_cannot_be_read_ends_it(survey, tmp_path, object_store, mode):
    """An expired token is not a reject of every object."""
    expired = re.compile("g[3-6]")
    object_store.fault = lambda environ: (
        (400, "ExpiredToken") if expired.search(environ["PATH_INFO"]) else None
    )
    with pytest.raises(StorageError) as ended:
        run(f"s3://{BUCKET}", tmp_path / "out", *MODES[mode])
    assert re.fullmatch(
        r"s3://galaxies/R_stamps/g\d\d_R.fits cannot be read: .* expired .*", str(ended.value)
    )
    if mode == "in_memory":
        object_store.fault = None
        again = run(f"s3://{BUCKET}", tmp_path / "out")
        assert len(again.division.kept) == 70, "the next attempt in the same folder begins anew"


def test_a_store_that_fails_in_the_second_pass_ends_it(survey, tmp_path, object_store):
    asked: set[str] = set()

    def second(environ):
        path = environ["PATH_INFO"]
        if path in asked and "g40" in path:
            return 403, "AccessDenied"
        asked.add(path)
        return None

    object_store.fault = second
    with pytest.raises(StorageError, match=r"g40_R.fits cannot be read: access is denied"):
        run(f"s3://{BUCKET}", tmp_path / "out")


def test_a_stamp_that_vanishes_meanwhile_is_a_reject(survey, tmp_path, object_store):
    asked: set[str] = set()

    def vanish(environ):
        path = environ["PATH_INFO"]
        if path in asked and path.endswith("g40_R.fits"):
            return 404, "NoSuchKey"
        asked.add(path)
        return None

    object_store.fault = vanish
    found = run(f"s3://{BUCKET}", tmp_path / "out")
    assert {reject.name: reject.reason for reject in found.division.rejects}["g40"] == "missing_file"
    assert len(found.division.kept) == 69


def test_the_fingerprint_changes_with_the_input_and_only_then(survey, object_store):
    data = settings(f"s3://{BUCKET}")

    def take() -> str:
        return input_fingerprint(
            label_files(data), read_rows(data).objects, stamp_reader(data, ("R", "G"), 8)
        )

    content = (survey / "R_stamps/g01_R.fits").read_bytes()
    seen = [take()]
    object_store.asked.clear()
    assert take() == seen[0]
    assert len(object_store.asked) < 20, "no request for each stamp"
    object_store.put("R_stamps/unlisted_R.fits", b"x")
    object_store.put("R_stamps/g01_R.fits", content)
    assert take() == seen[0], "neither a stamp that no row names nor the same content is a change"
    changes = {
        "R_stamps/g01_R.fits": content[:-1] + b"x",
        "G_stamps/no-file_G.fits": content,
        "labels.csv": (survey / "labels.csv").read_bytes() + b"new,spiral\n",
    }
    for key, changed in changes.items():
        object_store.put(key, changed)
        seen.append(take())
    object_store.client.delete_object(Bucket=BUCKET, Key="R_stamps/g01_R.fits")
    seen.append(take())
    assert len(set(seen)) == len(seen)
