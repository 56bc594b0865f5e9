"""Surplus galaxies against those of the test split."""

import pytest

from evaluation.intervals import wilson
from report.topics.surplus import surplus_text


def said(right, n, test_right, test_n, **splits):
    numbers = {
        "holdout": {"accuracy": right / n, "n": n, "interval": wilson(right, n)},
        "test": {"confusion_matrix": [[test_right, test_n - test_right], [0, 50]]},
        "splits": {"holdout": {"spiral": n, "elliptical": 0} | splits},
    }
    return surplus_text(numbers).replace("\N{NO-BREAK SPACE}", " ")


def test_shares_whose_intervals_overlap_may_differ():
    # 10 of 400 wrong against none of 185: Wilson's intervals overlap from 0.980 to 0.986.
    text = said(390, 400, 185, 185)
    assert text.startswith("Of the holdout spirals, 97.5 % of 400 are right (95 % interval 95.5 % to 98.6 %)")
    assert "of the test split's, 100.0 % of 185 are right" in text
    assert "(Fisher's exact test: p 0.035): those of the holdout are harder for the model." in text


@pytest.mark.parametrize(
    ("counts", "end"),
    [
        ((18, 20, 29, 40), "Whether the two differ cannot be told (Fisher's exact test: p 0.19)."),
        (
            (99, 100, 60, 100),
            "p < 0.001): those of the holdout are easier for the model.",
        ),
        (
            (14, 18, 8, 11),
            "18 spirals in the holdout and 11 in the test split the two cannot be compared.",
        ),
        (
            (90, 100, 0, 0),
            "100 spirals in the holdout and 0 in the test split the two cannot be compared.",
        ),
    ],
)
def test_what_is_concluded(counts, end):
    assert said(*counts).endswith(end)


def test_a_mixture_of_classes_is_compared_with_neither():
    assert said(90, 100, 95, 100, elliptical=5).startswith("Of the holdout galaxies, 90.0 % of 100 are right")


def test_nothing_set_aside_is_said():
    assert surplus_text({"holdout": None, "test": {"confusion_matrix": None}}).startswith(
        "There is no holdout"
    )
