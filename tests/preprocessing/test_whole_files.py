"""Atomic writing of files."""

import pytest

from preprocessing.whole_files import replacing, write_whole


def test_a_file_is_written_with_its_folder(tmp_path):
    path = tmp_path / "a" / "b.txt"
    write_whole(path, "déjà")
    write_whole(path, b"again")
    assert path.read_bytes() == b"again" and [entry.name for entry in path.parent.iterdir()] == ["b.txt"]


def test_what_cannot_be_written_leaves_what_was_there(tmp_path):
    path = tmp_path / "page"
    path.mkdir()
    with pytest.raises(OSError):
        write_whole(path, "text")
    assert path.is_dir()
    assert [entry.name for entry in tmp_path.iterdir()] == ["page"]


def test_an_interrupted_file_leaves_the_old_one(tmp_path):
    path = tmp_path / "table.csv"
    write_whole(path, "old")
    with pytest.raises(KeyboardInterrupt), replacing(path) as part:
        part.write_text("half")
        assert path.read_text() == "old"
        raise KeyboardInterrupt
    assert path.read_text() == "old" and [entry.name for entry in tmp_path.iterdir()] == ["table.csv"]
