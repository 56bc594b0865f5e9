"""Holdout galaxies against those of the test split."""

import pytest

from evaluation.intervals import wilson
from report.topics.holdout import holdout_text


def text_of(right, n, test_right, test_n, **splits):
    numbers = {
        "holdout": {"accuracy": right / n, "n": n, "interval": wilson(right, n)},
        "test": {"confusion_matrix": [[test_right, test_n - test_right], [0, 50]]},
        "splits": {"holdout": {"spiral": n, "elliptical": 0} | splits},
    }
    return holdout_text(numbers).replace("\N{NO-BREAK SPACE}", " ")


def test_shares_whose_intervals_overlap_may_differ():
    # 10 of 400 wrong against none of 185: Wilson's intervals overlap from 0.980 to 0.986.
    text = text_of(390, 400, 185, 185)
    for fact in (
        "97.5 % of 400",
        "(95 % interval 95.5 % to 98.6 %)",
        "100.0 % of 185",
        "p = 0.035",
        "harder",
    ):
        assert fact in text
    assert "not significant" not in text


@pytest.mark.parametrize(
    ("counts", "facts"),
    [
        ((18, 20, 29, 40), ("not significant", "p = 0.19")),
        ((99, 100, 60, 100), ("is significant", "p < 0.001", "easier")),
        ((14, 18, 8, 11), ("18 spirals", "11 in the test split", "too few")),
        ((90, 100, 0, 0), ("100 spirals", "0 in the test split", "too few")),
    ],
)
def test_what_is_concluded(counts, facts):
    text = text_of(*counts)
    for fact in facts:
        assert fact in text


def test_a_mixture_of_classes_is_compared_with_neither():
    text = text_of(90, 100, 95, 100, elliptical=5)
    assert "90.0 % of 100" in text and "95.0 %" not in text and "significant" not in text


def test_an_absent_holdout_is_stated():
    assert "no holdout" in holdout_text({"holdout": None, "test": {"confusion_matrix": None}})
