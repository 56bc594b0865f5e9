"""What the comparison of two backends accepts, by counts worked out by hand."""

import json

import numpy as np
import pytest

from catalog.backends.agreement import compare
from serving.predict.classifier import Answer


def answer(p: np.ndarray, novelty: np.ndarray | None = None) -> Answer:
    p = np.asarray(p, "f4")
    words = ["elliptical" if each > 0.75 else "spiral" if each < 0.25 else "uncertain" for each in p]
    return Answer(p, 1 - p, words, novelty, novelty, "1")


def shifted(count: int, *changes: tuple[int, float, float]):
    """Two answers of 0.5, with other values for some objects of each."""
    one, other = np.full(count, 0.5), np.full(count, 0.5)
    place = 0
    for number, first, second in changes:
        one[place : place + number], other[place : place + number] = first, second
        place += number
    return compare(answer(one), answer(other))


def test_equal_answers_agree():
    found = shifted(600)
    assert (found.objects, found.classes, found.largest) == (600, 0, 0.0)
    assert found.problem == ""


@pytest.mark.parametrize(
    ("case", "problem"),
    [
        ((600, (1, 0.500, 0.509)), ""),
        ((600, (1, 0.500, 0.511)), "quantile"),  # of fewer than 1,000 objects the largest counts
        ((3000, (2, 0.5, 0.7)), ""),  # two of 3,000 are fewer than one in a thousand
        ((3000, (4, 0.5, 0.7)), "quantile"),
        ((2000, (2, 0.2, 0.8)), ""),
        ((2000, (3, 0.2, 0.8)), "quantile"),
        # Classes that change within the tolerance, near a limit: chance explains three of 512, but not four.
        ((512, (3, 0.249, 0.251)), ""),
        ((512, (4, 0.249, 0.251)), "more than chance explains"),
        ((100, (1, 0.749, 0.751)), ""),
        ((20, (2, 0.749, 0.751)), "more than chance explains"),
    ],
)
def test_what_is_accepted(case, problem):
    found = shifted(*case)
    assert (problem in found.problem) if problem else found.problem == ""


def test_a_probability_from_one_only_is_refused():
    found = compare(answer(np.array([0.1, np.nan, 0.9])), answer(np.array([0.1, 0.2, 0.9])))
    assert (found.only_one, found.objects) == (1, 2)
    assert found.problem
    assert not compare(answer(np.array([np.nan, 0.9])), answer(np.array([np.nan, 0.9]))).problem


def test_flags_of_unlike_objects_are_counted():
    p = np.full(4, 0.5)
    one, other = np.array([0.5, 0.9, 0.995, 1], "f4"), np.array([0.5, 0.995, 0.995, 0.9], "f4")
    found = compare(answer(p, one), answer(p, other))
    assert found.unlike == 2
    assert found.novelty == pytest.approx(0.1, abs=1e-6)


def test_the_entry_is_json_without_nan():
    entry = json.loads(json.dumps(shifted(5).entry(), allow_nan=False))
    assert entry["objects"] == 5
    assert entry["novelty"] is None
