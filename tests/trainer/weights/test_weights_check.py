"""The check of a file of weights in a child process."""

import random
import stat
import sys

import pytest
from stored_weights import WRITERS, random_arrays, write_numbered

from trainer.weights import check as weights_check
from trainer.weights.check import file_problem
from trainer.weights.layout import weights_layout

TINY = weights_layout("TinyConv")


@pytest.fixture
def path(tmp_path):
    target = tmp_path / 'odd "folder"' / "wéights.weights.h5"
    target.parent.mkdir()
    write_numbered(target, TINY, random_arrays(TINY))
    return target


def interpreter(tmp_path, monkeypatch, *lines):
    """Run a shell script in place of Python."""
    script = tmp_path / "python"
    script.write_text("\n".join(("#!/bin/sh", *lines)))
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setattr(sys, "executable", str(script))


def test_what_fits_is_no_problem(path, monkeypatch):
    monkeypatch.chdir(path.parent)  # not where the project is
    assert file_problem(path, "TinyConv") is None
    assert file_problem(path.relative_to(path.parent), "TinyConv") is None


def test_the_sentence_begins_with_the_path(path):
    problem = file_problem(path, "EfficientNetLite0")
    assert problem.startswith(f"{path} holds weights of TinyConv, not of EfficientNetLite0: layer stem_conv")
    path.write_bytes(path.read_bytes()[:-1000])
    assert file_problem(path, "TinyConv").startswith(f"{path} is cut short or damaged: ")


def test_a_crash_is_damage(path, tmp_path, monkeypatch):
    interpreter(tmp_path, monkeypatch, "kill -SEGV $$")
    assert file_problem(path, "TinyConv") == (
        f"{path} is cut short or damaged: reading it ended in a crash (signal 11)"
    )


def test_a_file_that_does_not_end(path, tmp_path, monkeypatch):
    interpreter(tmp_path, monkeypatch, "exec sleep 60")
    monkeypatch.setattr(weights_check, "SECONDS", 0.2)
    assert file_problem(path, "TinyConv") == f"{path} could not be read within 0.2 seconds"


def test_a_fault_of_ours_is_not_blamed_on_the_file(path, tmp_path, monkeypatch):
    interpreter(tmp_path, monkeypatch, "exit 1")
    with pytest.raises(RuntimeError, match="failed with status 1"):
        file_problem(path, "TinyConv")


@pytest.mark.slow
@pytest.mark.parametrize("name", WRITERS)
def test_random_damage_is_told_or_harmless(tmp_path, name):
    path, chance = tmp_path / name, random.Random(1)
    WRITERS[name](path, TINY, random_arrays(TINY))
    whole = path.read_bytes()
    for _ in range(20):
        content = bytearray(whole)
        for _ in range(chance.randrange(1, 20)):
            content[chance.randrange(len(content))] = chance.randrange(256)
        path.write_bytes(content)
        problem = file_problem(path, "TinyConv")
        assert problem is None or (problem.startswith(str(path)) and "\n" not in problem)
