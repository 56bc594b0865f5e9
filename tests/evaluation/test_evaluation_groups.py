import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluation.groups import by_quantile, by_value, range_titles
from evaluation.intervals import wilson


def test_groups_of_magnitudes_by_hand():
    magnitudes = [17.0, 14.0, 15.0, np.nan, 16.0, 18.0, 19.0]
    labels = [0, 0, 0, 1, 1, 1, 1]
    p = [0.9, 0.1, 0.1, 0.9, 0.9, np.nan, 0.2]
    found = by_quantile(magnitudes, labels, p, groups=3)
    assert [group.title for group in found] == ["14 to 15", "16 to 17", "18 to 19", "unknown"]
    assert [(group.low, group.high) for group in found] == [(14, 15), (16, 17), (18, 19), (None, None)]
    assert [group.n for group in found] == [2, 2, 2, 1]
    assert [group.accuracy for group in found] == [1.0, 0.5, 0.0, 1.0]
    assert found[1].interval == wilson(1, 2)


@settings(deadline=None)
@given(st.lists(st.integers(0, 12), min_size=1, max_size=60), st.integers(1, 8))
def test_groups_divide_the_galaxies_and_no_value(values, groups):
    found = by_quantile(values, [0] * len(values), [0.1] * len(values), groups)
    assert 1 <= len(found) <= groups
    assert sum(group.n for group in found) == len(values)
    for group in found:
        assert group.n == sum(group.low <= value <= group.high for value in values) > 0
    assert all(one.high < other.low for one, other in itertools.pairwise(found))


def test_values_that_differ_make_groups_of_one_size():
    found = by_quantile(np.random.default_rng(0).normal(size=1000), [1] * 1000, [0.9] * 1000)
    assert [group.n for group in found] == [200] * 5


def test_titles_have_three_digits_and_more_where_ends_would_read_alike():
    ranges = [(0.09112, 0.4665), (0.4667, 0.5122), (0.7, 0.7), (127.6, 1024.4)]
    assert range_titles(ranges) == ["0.0911 to 0.4665", "0.4667 to 0.512", "0.7", "128 to 1024"]


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=2, max_size=9, unique=True))
def test_different_ends_never_read_alike_and_keep_their_order(values):
    titles = range_titles([(value, value) for value in sorted(values)])
    assert len(set(titles)) == len(titles)
    read = [float(title) for title in titles]
    assert read == sorted(read)


def test_one_value_is_one_group_and_nothing_is_none():
    (found,) = by_quantile([3.0, 3.0], [0, 1], [0.1, 0.9])
    assert found.title == "3" and found.n == 2
    assert by_quantile([], [], []) == by_value([], [], []) == []
    assert [group.title for group in by_quantile([np.nan, np.inf], [0, 1], [0.1, 0.9])] == ["unknown"]


def test_fields_by_hand():
    found = by_value(["b", "", "a", "b"], [0, 0, 1, 1], [0.1, 0.2, 0.9, 0.2])
    assert [(group.title, group.n, group.accuracy) for group in found] == [
        ("a", 1, 1.0),
        ("b", 2, 0.5),
        ("unknown", 1, 1.0),
    ]
    assert found[0].low is found[0].high is None
    assert found[1].interval == pytest.approx(wilson(1, 2))
