"""One command at a time in the folder of a catalogue, but for parts."""

import os
import signal
import subprocess
import sys

import pytest

from catalog.alone import alone
from catalog.errors import CatalogError


def test_a_second_command_is_refused_until_the_first_has_ended(tmp_path):
    out = tmp_path / "new" / "out"
    with alone(out):
        for shared in (False, True):
            with pytest.raises(CatalogError, match="another"), alone(out, shared=shared):
                pass
        (out / "file").write_text("")
    with alone(out):
        assert (out / "file").exists()


def test_parts_share_it_and_a_merge_waits_for_them(tmp_path):
    with (
        alone(tmp_path, shared=True),
        alone(tmp_path, shared=True),
        pytest.raises(CatalogError, match="another"),
        alone(tmp_path),
    ):
        pass
    with alone(tmp_path):
        pass


def test_a_killed_process_leaves_no_lock(tmp_path):
    code = "import sys, time; from pathlib import Path; from catalog.alone import alone\n"
    code += "with alone(Path(sys.argv[1])): print(1, flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", code, tmp_path], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stdout.readline()
        with pytest.raises(CatalogError, match="another"), alone(tmp_path):
            pass
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    with alone(tmp_path):
        pass


def test_folders_that_stay_empty_are_removed_if_they_are_new(tmp_path):
    (tmp_path / "old").mkdir()
    with alone(tmp_path / "old" / "a" / "b"):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["old"]
    assert not any((tmp_path / "old").iterdir())


def test_a_file_in_the_way_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("mine")
    for out in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(CatalogError, match="is a file, or lies below one"), alone(out):
            pass
    assert (tmp_path / "file").read_text() == "mine"
