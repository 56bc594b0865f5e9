from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from preprocessing.data_settings import DataSettings
from preprocessing.features import ELLIPTICAL, NO_LABEL, SPIRAL
from preprocessing.labels import galaxy_zoo as gz
from preprocessing.tables.files import Columns

UNCERTAIN = NO_LABEL


def columns(rows: int, **cells) -> Columns:
    return Columns(
        Path("t.csv"), rows, {name: np.array(cell) for name, cell in cells.items()}, dict.fromkeys(cells, "")
    )


def data(**changes) -> DataSettings:
    return DataSettings(labels="t.csv", stamps="{name}_{band}.fits", **changes)


GZ2 = (gz.SMOOTH, gz.FEATURES, gz.STAR_OR_ARTIFACT, gz.NOT_EDGE_ON, gz.SPIRAL_ARMS)


def gz2(rows, counts=True, **changes) -> gz.Verdicts:
    """Judge rows of smooth, features, artifact, not edge-on, arms, answers to the first, answers to arms."""
    *votes, first, arms = zip(*rows, strict=True)
    cells = dict(zip(GZ2, votes, strict=True))
    if counts:
        zeros = [0] * len(rows)
        cells |= dict(zip(gz.FIRST_COUNTS, (first, zeros, zeros), strict=True))
        cells |= dict(zip(gz.ARMS_COUNTS, (arms, zeros), strict=True))
    return gz.judge_gz2(columns(len(rows), **cells), data(**changes))


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ((0.80, 0.10, 0.0, 1.0, 0.00, 20, 0), ELLIPTICAL),
        ((0.79, 0.10, 0.0, 1.0, 0.00, 40, 0), UNCERTAIN),
        ((0.95, 0.10, 0.0, 1.0, 0.00, 19, 0), UNCERTAIN),
        ((0.10, 0.80, 0.0, 0.715, 0.80, 40, 20), SPIRAL),
        ((0.10, 0.79, 0.0, 1.0, 0.90, 40, 20), UNCERTAIN),
        ((0.10, 0.90, 0.0, 1.0, 0.79, 40, 20), UNCERTAIN),
        ((0.10, 0.90, 0.0, 0.714, 0.90, 40, 20), UNCERTAIN),
        ((0.10, 0.90, 0.0, 1.0, 0.90, 40, 19), UNCERTAIN),
        ((0.10, 0.90, 0.0, 1.0, np.nan, 40, 20), UNCERTAIN),
        ((0.10, 0.90, 0.0, np.nan, 0.9, 40, 20), UNCERTAIN),
        ((0.50, 0.90, 0.7, 1.0, 0.90, 40, 20), SPIRAL),  # debiased fractions do not add up
        ((0.10, 0.10, 0.80, 1.0, 0.0, 40, 0), "artifact"),
        ((np.nan, 0.9, 0.80, 1.0, 0.0, 40, 0), "artifact"),
        ((np.nan, 0.9, 0.0, 1.0, 0.9, 40, 20), "bad_label"),
        ((0.9, np.nan, 0.0, 1.0, 0.9, 40, 20), "bad_label"),
        ((90, 10, 0.0, 1.0, 0.9, 40, 20), "bad_label"),  # percent
        ((-9999, -9999, 0.0, 1.0, 0.9, 40, 20), "bad_label"),
    ],
)
def test_galaxy_zoo_2_row_by_row(row, expected):
    verdicts = gz2([row])
    reason, _ = verdicts.refused.get(0, (None, ""))
    assert (reason or verdicts.labels[0]) == expected
    assert verdicts.notes == []


fraction = st.floats(0, 1) | st.sampled_from([0.0, 0.714, 0.715, 0.8, 0.801, 1.0, np.nan])
answers = st.integers(0, 60)
rows = st.tuples(fraction, fraction, fraction, fraction, fraction, answers, answers)


@settings(deadline=None)
@given(
    st.lists(rows, min_size=1, max_size=20), st.sampled_from([0.6, 0.8, 0.95]), st.sampled_from([0, 10, 20])
)
def test_galaxy_zoo_2_does_what_it_says(rows, threshold, least):
    verdicts = gz2(rows, vote_threshold=threshold, min_votes=least)
    uncounted = gz2(rows, counts=False, vote_threshold=threshold, min_votes=least)
    for index, (smooth, features, artifact, not_edge_on, arms, first, second) in enumerate(rows):
        for judged, counted in ((verdicts, True), (uncounted, False)):
            if artifact >= threshold:
                assert judged.refused[index][0] == "artifact"
            elif np.isnan(smooth) or np.isnan(features):
                assert judged.refused[index][0] == "bad_label"
            else:
                expected = UNCERTAIN
                if smooth >= threshold and (first >= least or not counted):
                    expected = ELLIPTICAL
                elif features >= threshold and arms >= threshold and not_edge_on >= 0.715:
                    expected = SPIRAL if second >= least or not counted else UNCERTAIN
                assert index not in judged.refused and judged.labels[index] == expected
    np.testing.assert_array_equal(verdicts.vote_elliptical, [row[0] for row in rows])
    np.testing.assert_array_equal(verdicts.vote_spiral, [row[4] for row in rows])


def test_answers_are_counted_over_a_question_and_missing_counts_are_said():
    cells = {gz.SMOOTH: [0.9, 0.9], gz.FEATURES: [0.1, 0.1], gz.SPIRAL_ARMS: [0.0, 0.0]}
    counts = dict(zip(gz.FIRST_COUNTS, ([10, 10], [6, 6], [4, np.nan]), strict=True))
    verdicts = gz.judge_gz2(columns(2, **cells, **counts), data())
    assert verdicts.labels.tolist() == [ELLIPTICAL, UNCERTAIN]
    assert [gz.ARMS_COUNTS[0] in verdicts.notes[0], gz.NOT_EDGE_ON in verdicts.notes[1]] == [True, True]
    assert len(gz.judge_gz2(columns(2, **cells), data()).notes) == 3
    assert len(gz.judge_gz2(columns(2, **cells), data(min_votes=0)).notes) == 1


# elliptical, spiral, star, votes, flags of elliptical, spiral, uncertain
GZ1 = ("p_el_debiased", "p_cs_debiased", "p_dk", "nvote", "elliptical", "spiral", "uncertain")


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ((0.80, 0.10, 0.0, 20, 0, 0, 1), ELLIPTICAL),  # the fractions decide, not the flags
        ((0.10, 0.80, 0.0, 20, 0, 0, 1), SPIRAL),
        ((0.61, 0.186, 0.153, 59, 0, 0, 1), UNCERTAIN),
        ((0.79, 0.10, 0.0, 59, 1, 0, 0), UNCERTAIN),
        ((0.90, 0.10, 0.0, 19, 1, 0, 0), UNCERTAIN),
        ((np.nan, 0.9, 0.0, 59, 1, 0, 0), ELLIPTICAL),
        ((np.nan, np.nan, 0.0, 59, 0, 1, 0), SPIRAL),
        ((np.nan, np.nan, 0.0, 59, 0, 0, 1), UNCERTAIN),
        ((np.nan, np.nan, 0.0, 19, 0, 1, 0), UNCERTAIN),
        ((np.nan, np.nan, 0.0, 59, 0, 0, 0), "bad_label"),
        ((np.nan, np.nan, 0.0, 59, 1, 1, 0), "bad_label"),
        ((np.nan, np.nan, 0.0, 59, np.nan, np.nan, np.nan), "bad_label"),
        ((0.0, 0.0, 0.85, 59, 0, 0, 1), "artifact"),
    ],
)
def test_galaxy_zoo_1_row_by_row(row, expected):
    cells = {name: [cell] for name, cell in zip(GZ1, row, strict=True)}
    verdicts = gz.judge_gz1(columns(1, **cells), data())
    reason, _ = verdicts.refused.get(0, (None, ""))
    assert (reason or verdicts.labels[0]) == expected
    votes = (verdicts.vote_elliptical[0], verdicts.vote_spiral[0])
    np.testing.assert_array_equal(votes, row[:2] if np.isfinite(row[:2]).all() else (np.nan, np.nan))


def test_galaxy_zoo_1_by_two_flags_alone():
    verdicts = gz.judge_gz1(columns(4, elliptical=[1, 0, 0, 1], spiral=[0, 1, 0, 1]), data())
    assert verdicts.labels[:3].tolist() == [ELLIPTICAL, SPIRAL, UNCERTAIN]
    assert set(verdicts.refused) == {3} and len(verdicts.notes) == 1


def test_strings_of_galaxy_zoo_2():
    texts = ["Er", "Ei(m)", "Sc2m", "SBb?t", "Ser", "A", "", "X", "star"]
    verdicts = gz.judge_gz2_class(texts)
    assert verdicts.labels[:5].tolist() == [ELLIPTICAL] * 2 + [SPIRAL] * 3
    reasons = {row: reason for row, (reason, _) in verdicts.refused.items()}
    assert reasons == {5: "artifact", 6: "bad_label", 7: "bad_label", 8: "bad_label"}
    assert np.isnan(verdicts.vote_elliptical).all()
