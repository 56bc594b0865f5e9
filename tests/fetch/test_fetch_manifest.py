"""The manifest of fetched stamps."""

import pytest

from fetch.errors import FetchError
from fetch.manifest import Entry, append_entry, folder_lock, read_manifest, rewrite_manifest

ENTRIES = [
    Entry("a", "I", "I_stamps/a_I.fits", "fetched", 2880, "ab" * 32, "", 1, "2026-01-01T00:00:00Z"),
    Entry('odd, "name"\nof two lines', "I", "", "failed", message="HTTP 404 Not Found", attempts=1),
    Entry("é", "F660", "F660_stamps/é_F660.fits", "present", 5760, "cd" * 32),
]


def test_what_is_written_is_read(tmp_path):
    path = tmp_path / "manifest.csv"
    rewrite_manifest(path, ENTRIES[:1])
    for entry in ENTRIES[1:]:
        append_entry(path, entry)
    assert list(read_manifest(path).values()) == ENTRIES
    assert [file.name for file in tmp_path.iterdir()] == ["manifest.csv"]


def test_the_last_line_of_a_stamp_counts(tmp_path):
    path = tmp_path / "manifest.csv"
    rewrite_manifest(path, ENTRIES)
    append_entry(path, ENTRIES[0]._replace(status="failed"))
    assert read_manifest(path)["a", "I"].status == "failed"


def test_no_manifest(tmp_path):
    assert read_manifest(tmp_path / "manifest.csv") == {}


@pytest.mark.parametrize("cut", range(0, 260, 7))
def test_a_manifest_cut_short_anywhere(tmp_path, cut):
    path = tmp_path / "manifest.csv"
    rewrite_manifest(path, ENTRIES)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) - cut])
    entries = list(read_manifest(path).values())
    assert all(entry.name in whole.decode() or "\n" in entry.name for entry in entries)
    assert len(entries) >= (3 if cut == 0 else 0)


def test_another_csv_of_that_name(tmp_path):
    path = tmp_path / "manifest.csv"
    path.write_text("x,y\n1,2\n")
    assert read_manifest(path) == {}


def test_one_fetch_at_a_time(tmp_path):
    folder = tmp_path / "new" / "folder"
    with folder_lock(folder), pytest.raises(FetchError, match="another galmorph fetch"), folder_lock(folder):
        pass
    with folder_lock(folder):
        pass


def test_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(FetchError, match="cannot be written"), folder_lock(tmp_path / "file" / "folder"):
        pass
