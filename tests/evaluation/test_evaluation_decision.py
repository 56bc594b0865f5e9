import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluation.decision import interval_scores, smallest_interval
from evaluation.intervals import wilson

ROWS = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 8)), min_size=1, max_size=25)


def test_an_interval_found_by_hand():
    labels = [0, 0, 0, 1, 0, 1, 1, 1]
    p = [0.1, 0.2, 0.3, 0.4, 0.6, 0.7, 0.8, 0.9]
    found = smallest_interval(labels, p, 1.0)
    assert (found.low, found.high) == pytest.approx((0.35, 0.65))
    assert found.share_uncertain == 2 / 8 and found.n == 8
    # Three of four spirals: the cut may go above 0.4 or, with three of four ellipticals, above 0.3.
    found = smallest_interval(labels, p, 0.75)
    assert found.low == found.high == pytest.approx(0.5) and found.share_uncertain == 0


@settings(deadline=None)
@given(ROWS, st.sampled_from([0.5, 0.75, 0.9, 1.0]))
def test_no_other_interval_is_smaller(rows, precision):
    labels, eighths = (np.array(column) for column in zip(*rows, strict=True))
    p = eighths / 8
    found = smallest_interval(labels, p, precision)
    ends = np.arange(-1, 18) / 16  # on every value and between any two
    shares = []
    for low in ends:
        for high in ends[ends >= low]:
            scores = interval_scores(labels, p, low, high)
            precisions = scores["precision_spiral"], scores["precision_elliptical"]
            if None not in precisions and min(precisions) >= precision:
                shares.append(scores["share_uncertain"])
    if found is None:
        assert not shares
        return
    assert found.share_uncertain == pytest.approx(min(shares))
    scores = interval_scores(labels, p, found.low, found.high)
    assert scores["share_uncertain"] == pytest.approx(found.share_uncertain)
    assert min(scores["precision_spiral"], scores["precision_elliptical"]) >= precision


@pytest.mark.parametrize(
    ("labels", "p"),
    [
        ([], []),
        ([0, 0, 0], [0.1, 0.2, 0.3]),
        ([0, 1], [0.5, 0.5]),
        ([0, 1], [0.9, 0.1]),
        ([0, 1], [np.nan, 0.9]),
    ],
)
def test_where_there_is_none(labels, p):
    assert smallest_interval(labels, p, 0.9) is None


def test_a_share_that_is_exact_suffices():
    labels = [0] * 7 + [1] * 93 + [1]
    p = np.r_[np.full(100, 0.1), 0.9]
    assert smallest_interval(labels, p, 0.07) is not None


def test_what_is_no_number_is_uncertain():
    found = smallest_interval([0, 0, 1, 1, 1], [0.1, 0.2, 0.8, 0.9, np.nan], 1.0)
    assert found.share_uncertain == 1 / 5 and found.n == 5


def test_both_ends_are_uncertain():
    found = interval_scores([0, 0, 1, 1, 0], [0.1, 0.25, 0.75, 0.9, 0.8], 0.25, 0.75)
    assert found == {
        "share_uncertain": 2 / 5,
        "accuracy_of_the_rest": 2 / 3,
        "precision_spiral": 1.0,
        "precision_elliptical": 1 / 2,
        "interval_spiral": wilson(1, 1),
        "interval_elliptical": wilson(1, 2),
        "n_spiral": 1,
        "n_elliptical": 2,
        "n": 5,
    }


def test_shares_of_nothing_are_unknown():
    found = interval_scores([], [], 0.25, 0.75)
    assert {found.pop(key) for key in ("n", "n_spiral", "n_elliptical")} == {0}
    assert set(found.values()) == {None}
    everything = interval_scores([0, 1], [0.5, np.nan], 0.25, 0.75)
    assert everything["share_uncertain"] == 1.0 and everything["accuracy_of_the_rest"] is None
