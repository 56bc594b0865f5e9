import sys

import pytest

from pipeline.memory import forget_peak, peak_memory

MIB = 2**20


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux forgets a peak")
def test_the_peak_is_measured_and_reset():
    forget_peak()
    before = peak_memory()
    block = b"x" * (200 * MIB)
    assert peak_memory() - before > 150 * MIB
    del block
    assert peak_memory() - before > 150 * MIB
    forget_peak()
    assert peak_memory() - before < 100 * MIB


def test_there_is_no_peak_on_other_systems(monkeypatch, tmp_path):
    monkeypatch.setattr("pipeline.memory._STATUS", tmp_path / "absent")
    monkeypatch.setattr("pipeline.memory._CLEAR", tmp_path / "no" / "absent")
    forget_peak()
    assert peak_memory() is None
