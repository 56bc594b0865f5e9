"""Stamps of an object store: the same as those on a disk, many at a time."""

import gzip
import threading
import time

import numpy as np
import pytest
from astropy.io import fits
from object_store import BUCKET

from preprocessing import stamp_files
from preprocessing.fits.files import StampError
from preprocessing.stamp_index import StampIndex
from preprocessing.stamps import Stamp, StampReader
from preprocessing.storage_errors import StorageError

NOISE = np.random.default_rng(1)


def remote(template: str) -> str:
    return f"s3://{BUCKET}/{template}"


def outcome(found: Stamp | StampError, place: str) -> tuple:
    """What was read, without the place that differs between disk and store."""
    if isinstance(found, StampError):
        return found.reason, found.path.removeprefix(place), found.message
    planes = {band: (plane.flux.tobytes(), plane.height, plane.width) for band, plane in found.planes.items()}
    notes = [(note.code, note.path.removeprefix(place), note.message) for note in found.warnings]
    return planes, notes


def write(path, image, **keywords):
    path.parent.mkdir(exist_ok=True)
    kind = fits.CompImageHDU if path.name.endswith(".fz") else fits.PrimaryHDU
    hdu = kind(image, fits.Header(keywords))
    hdus = fits.HDUList([fits.PrimaryHDU(), hdu] if kind is fits.CompImageHDU else [hdu])
    hdus.writeto(path, overwrite=True)


def test_all_kinds_of_files_are_read_as_from_a_disk(object_store, tmp_path):
    template = "{band}_stamps/{name}_{band}.fits"
    for name in ("plain", "packed", "tiles", "NGC 7 [x]", "half", "spelled", "damaged", "no-fits", "empty"):
        for band in "RG":
            path = tmp_path / f"{band}_stamps" / f"{name}_{band}.fits"
            write(path, NOISE.normal(size=(12, 14)).astype("f4"), FILTER="r")
            if name == "packed":
                path.write_bytes(gzip.compress(path.read_bytes()))
            elif name == "tiles":
                write(path.with_suffix(".fz"), NOISE.normal(size=(12, 14)).astype("f4"))
                path.with_suffix(".fz").rename(path)
            elif name == "damaged":
                path.write_bytes(gzip.compress(path.read_bytes())[:-9])
            elif name == "no-fits":
                path.write_text("<html>")
            elif name == "empty":
                path.write_bytes(b"")
    (tmp_path / "G_stamps/half_G.fits").unlink()
    (tmp_path / "r_stamps").mkdir()
    (tmp_path / "R_stamps/spelled_R.fits").rename(tmp_path / "r_stamps/spelled_r.fits")
    object_store.upload(tmp_path)
    names = [path.name[:-7] for path in sorted((tmp_path / "G_stamps").iterdir())]
    entries = [(name, 10.0, 0.0) for name in ("absent", *names, "half", "../up", "")]
    results = [
        [
            outcome(found, place)
            for found in StampReader(f"{place}{template}", ("R", "G"), 8).read_each(entries)
        ]
        for place in (f"{tmp_path}/", remote(""))
    ]
    assert results[0] == results[1]
    assert sum(isinstance(found[0], dict) for found in results[1]) == 5
    one = StampReader(remote(template), ("R", "G"), 8)
    assert outcome(one.read("tiles"), remote("")) == results[1][entries.index(("tiles", 10.0, 0.0))]


def test_cubes(object_store, tmp_path):
    fits.PrimaryHDU(NOISE.normal(size=(3, 12, 12)).astype("f4")).writeto(tmp_path / "a.fits")
    object_store.upload(tmp_path)
    readers = [
        StampReader(f"{place}{{name}}.fits", ("R", "G"), 8, cube_bands=("G", "R", "I"))
        for place in (f"{tmp_path}/", remote(""))
    ]
    here, there = (
        [outcome(found, "") for found in reader.read_each([("a", 0.0, 0.0)])] for reader in readers
    )
    assert here == there and isinstance(there[0][0], dict)


def many(object_store, tmp_path, count: int, content: bytes | None = None) -> list[tuple[str, float, float]]:
    write(tmp_path / "R" / "x.fits", NOISE.normal(size=(12, 12)).astype("f4"))
    content = content or (tmp_path / "R" / "x.fits").read_bytes()
    for number in range(count):
        object_store.put(f"R/{number:03d}.fits", content)
    return [(f"{number:03d}", 0.0, 0.0) for number in range(count)]


def test_requests_overlap_but_are_bounded(object_store, tmp_path):
    entries = many(object_store, tmp_path, 96)
    reader = StampReader(remote("{band}/{name}.fits"), ("R",), 8)
    lock, now, most = threading.Lock(), 0, 0

    def count(environ):
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        time.sleep(0.03)
        with lock:
            now -= 1

    object_store.fault = count
    object_store.asked.clear()
    found = reader.read_each(entries)
    next(found)
    time.sleep(0.3)
    assert len(object_store.asked) <= stamp_files.AHEAD_OBJECTS + 1, "no more than needed is read ahead"
    assert sum(isinstance(stamp, Stamp) for stamp in found) == 95
    assert len(object_store.asked) == 96, "one request for each"
    assert 8 < most <= 32


def test_a_large_file_is_read_when_it_is_used(object_store, tmp_path, monkeypatch):
    monkeypatch.setattr(stamp_files, "AHEAD_BYTES", 100)
    reader = StampReader(remote("{band}/{name}.fits"), ("R",), 8)
    assert all(isinstance(found, Stamp) for found in reader.read_each(many(object_store, tmp_path, 3)))


def test_a_file_beyond_the_limit_is_a_reject(object_store, monkeypatch):
    object_store.put("R/a.fits", b"x" * 5000)
    monkeypatch.setattr("preprocessing.fits.files.MAX_FILE_BYTES", 4000)
    with pytest.raises(StampError) as refused:
        StampReader(remote("{band}/{name}.fits"), ("R",), 8).read("a")
    assert (refused.value.reason, refused.value.message) == ("too_large", "5,000 bytes, limit 4,000")


def test_a_store_that_fails_is_no_reject(object_store, tmp_path):
    entries = many(object_store, tmp_path, 40)
    reader = StampReader(remote("{band}/{name}.fits"), ("R",), 8)
    object_store.fault = lambda environ: (
        (400, "ExpiredToken") if environ["PATH_INFO"] > "/galaxies/R/020.fits" else None
    )
    found = []
    with pytest.raises(StorageError, match=r"s3://galaxies/R/021.fits .* expired"):
        for stamp in reader.read_each(entries):
            found.append(stamp)
    assert len(found) == 21 and all(isinstance(stamp, Stamp) for stamp in found)
    assert threading.active_count() < 60, "the threads have ended"


def test_an_archived_stamp_is_a_reject(object_store, tmp_path):
    entries = many(object_store, tmp_path, 2)
    object_store.fault = lambda environ: (
        (403, "InvalidObjectState") if environ["PATH_INFO"].endswith("001.fits") else None
    )
    good, bad = StampReader(remote("{band}/{name}.fits"), ("R",), 8).read_each(entries)
    assert isinstance(good, Stamp) and isinstance(bad, StampError)
    assert bad.reason == "unreadable" and "archived" in bad.message


def test_an_index_lists_and_asks_for_no_file(object_store, tmp_path):
    for spelling in ("R", "J0660"):
        for name in "abc":
            object_store.put(f"{spelling}_stamps/{name}_{spelling}.fits", name.encode())
    object_store.asked.clear()
    index = StampIndex(remote("{band}_stamps/{name}_{band}.fits"))
    assert {str(index.find(name, "R")) for name in "abc"} == {
        remote(f"R_stamps/{name}_R.fits") for name in "abc"
    }
    assert str(index.find("a", "F660")) == remote("J0660_stamps/a_J0660.fits")
    assert index.state("a", "R") != index.state("b", "R")
    assert index.find("d", "R") is None and index.state("../a", "R") == "absent"
    assert not [asked for asked in object_store.asked if "list-type=2" not in asked]
    assert len(object_store.asked) <= 12
