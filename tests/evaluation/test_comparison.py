"""Whether one setting is better than another."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from evaluation.comparison import Score, accuracy_error, chance_text, compare, mcnemar


@pytest.mark.parametrize(
    ("one", "other", "p"),
    [
        (0, 0, 1.0),
        (3, 3, 1.0),
        (0, 6, 2 / 64),  # all six tosses alike, either way
        (1, 5, 2 * (1 + 6) / 64),
        (5, 1, 2 * (1 + 6) / 64),
        (2, 8, 2 * (1 + 10 + 45) / 1024),
        (0, 1, 1.0),
    ],
)
def test_mcnemar_by_hand(one, other, p):
    assert mcnemar(one, other) == p


@settings(deadline=None)
@given(st.integers(0, 300), st.integers(0, 300))
def test_mcnemar_is_the_binomial_test(one, other):
    if one + other:
        assert mcnemar(one, other) == pytest.approx(binomtest(one, one + other).pvalue, rel=1e-9)
    assert mcnemar(one, other) == mcnemar(other, one)


def test_mcnemar_of_many_galaxies():
    assert mcnemar(2000, 20000) == 0.0  # smaller than any number of double precision
    assert mcnemar(20000, 20000) == 1.0


def test_only_common_galaxies_of_one_label_count():
    best = {
        "a": Score(0, 0.1),
        "b": Score(1, 0.9),
        "c": Score(1, 0.8),
        "d": Score(0, 0.2),
        "x": Score(0, 0.1),
    }
    this = {
        "a": Score(0, 0.9),
        "b": Score(1, 0.9),
        "c": Score(1, 0.2),
        "d": Score(1, 0.2),
        "y": Score(0, 0.1),
    }
    found = compare(this, best)
    assert (found.n, found.only_this, found.only_best, found.p_value) == (3, 0, 2, 0.5)
    assert found.difference == pytest.approx(-2 / 3)
    nothing = compare(this, {})
    assert (nothing.n, nothing.difference, nothing.p_value) == (0, None, 1.0)


def test_one_half_is_called_spiral():
    assert Score(0, 0.5).right and not Score(1, 0.5).right


def test_what_is_no_number_is_wrong_for_either_class():
    assert not any(Score(label, p).right for label in (0, 1) for p in (math.nan, math.inf, -math.inf))


def test_the_error_of_an_accuracy():
    assert accuracy_error(0.9, 10_000) == pytest.approx(0.003, rel=1e-3)
    # Wilson: from (1 + 1/2n) / (1 + 1/n) - error = 1 / (1 + 1/n) up to 1.
    assert accuracy_error(1.0, 10) == pytest.approx(0.5 / 11)
    assert accuracy_error(0.0, 10) == accuracy_error(1.0, 10)
    assert accuracy_error(0.5, 4) == pytest.approx(math.sqrt(1 / 16 + 1 / 64) / 1.25)


def test_a_chance_for_the_eye():
    assert [chance_text(p) for p in (0.0, 0.0012, 0.0499, 0.0501, 0.2188, 1.0)] == [
        "< 0.001",
        "0.001",
        "0.050",
        "0.050",
        "0.22",
        "1.00",
    ]
