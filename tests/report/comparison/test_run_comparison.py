"""Runs are compared on the galaxies that neither has learned from, and on no others."""

import functools
from pathlib import Path

import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from compared_runs import N, answering, compare_tables, rows_in_test
from hypothesis import given
from hypothesis import strategies as st
from report_folder import galaxies, write_folder
from scipy.stats import binomtest

from evaluation.formats.predictions import read_predictions
from report.comparison.common import common_galaxies, separation


@pytest.fixture
def compared(tmp_path: Path):
    """The comparison of runs that are written from tables of galaxies."""
    return functools.partial(compare_tables, tmp_path)


def test_counts_scores_and_p_are_those_counted_by_hand(compared):
    one, other = answering(galaxies(2000)), galaxies(2000)
    pair = compared(other, one).pairs[0]
    rows = rows_in_test(one)
    right, right_other = ((data["p"][rows] > 0.5) == (data["label"][rows] == 1) for data in (one, other))
    assert pair.n == len(rows)
    assert set(one["name"][rows][right & ~right_other]) == {pair.common.names[row] for row in pair.only_one}
    assert set(one["name"][rows][~right & right_other]) == {pair.common.names[row] for row in pair.only_other}
    counts = len(pair.only_one), len(pair.only_other)
    assert sum(counts) > 3
    assert pair.p_value == pytest.approx(binomtest(counts[0], sum(counts)).pvalue)
    difference = pair.differences["accuracy"]
    assert difference.value == pytest.approx(right.mean() - right_other.mean())
    assert difference.interval[0] <= difference.value <= difference.interval[1]


def test_the_order_of_the_rows_changes_nothing(compared):
    one, other = galaxies(N), answering(galaxies(N))
    order = np.random.default_rng(0).permutation(N)
    first = compared(one, other).pairs[0]
    second = compared(one, {key: values[order] for key, values in other.items()}).pairs[0]
    for name in ("only_one", "only_other"):
        names = [[pair.common.names[row] for row in getattr(pair, name)] for pair in (first, second)]
        assert sorted(names[0]) == sorted(names[1])
    assert first.p_value == second.p_value


def test_galaxies_that_either_has_learned_from_are_left_out_and_said(compared):
    one, other = galaxies(N), answering(galaxies(N))
    rows = rows_in_test(one)
    other["split"] = one["split"].copy()
    other["split"][rows[:5]] = "train"
    other["split"][rows[5:7]] = "val"
    learned = np.flatnonzero(one["split"] == "train")[:4]
    other["split"][learned] = "test"
    other["name"] = one["name"].copy()
    other["name"][rows[7]] = "someone else"
    other["label"] = one["label"].copy()
    other["label"][rows[8]] = 1 - one["label"][rows[8]]
    pair = compared(one, other).pairs[0]
    assert set(pair.common.names) == set(one["name"][rows[9:]])
    assert pair.common.of_other == {
        "test": len(rows) - 9,
        "train": 5,
        "val": 2,
        "absent": 1,
        "another label": 1,
    }
    assert pair.common.of_one == {
        "test": len(rows) - 9,
        "train": 4,
        "absent": 1,
        "another label": 1,
    }


def test_galaxies_of_one_name_at_different_places_are_not_compared(compared):
    one, other = galaxies(N), answering(galaxies(N))
    rows = rows_in_test(one)
    other["dec"] = one["dec"].copy()
    other["dec"][rows[:3]] += 11 / 3600
    other["dec"][rows[3:6]] += 9 / 3600
    other["ra"] = np.where(np.arange(N) == rows[6], np.nan, one["ra"])
    pair = compared(one, other).pairs[0]
    assert pair.common.of_one == {"test": len(rows) - 3, "another place": 3}


@given(*(st.floats(low, high) for low, high in ((0, 360), (-90, 90)) * 2))
def test_angles_on_the_sky_are_those_of_astropy(ra, dec, other_ra, other_dec):
    places = [np.array([angle]) for angle in (ra, dec, other_ra, other_dec)]
    expected = SkyCoord(ra, dec, unit="deg").separation(SkyCoord(other_ra, other_dec, unit="deg")).arcsec
    assert separation(*places)[0] == pytest.approx(expected, rel=1e-6, abs=2e-2)


def test_common_galaxies_are_symmetric(tmp_path):
    tables = galaxies(N), answering(galaxies(N, seed=3))
    tables[1]["name"][:300] = tables[0]["name"][:300]
    one, other = (
        read_predictions(write_folder(tmp_path / str(number), data=data, pictures=False) / "predictions.csv")
        for number, data in enumerate(tables)
    )
    there, back = common_galaxies(one, other), common_galaxies(other, one)
    assert set(there.names) == set(back.names)
    assert there.of_one == back.of_other and there.of_other == back.of_one
