"""The holdout (galaxies of the larger class left out to balance the classes) against the test split."""

from collections.abc import Mapping
from typing import Any

from evaluation.comparison import SIGNIFICANCE, p_text
from evaluation.shares import fisher
from preprocessing.features import CLASS_NAMES, ELLIPTICAL, HOLDOUT, SPIRAL
from report.html.formats import format_count
from report.topics.groups import SMALL_GROUP
from report.topics.words import right_text


def holdout_text(numbers: Mapping[str, Any]) -> str:
    """Compare the accuracy on holdout galaxies with that on test galaxies of the same class.

    Parameters
    ----------
    numbers : mapping
        See `report.topics.numbers.run_numbers`.

    Returns
    -------
    str
        Sentences.
    """
    holdout, matrix = numbers["holdout"], numbers["test"]["confusion_matrix"]
    if not holdout:
        return "There is no holdout."
    n, right = holdout["n"], round(holdout["accuracy"] * holdout["n"])
    labels = [one for one in (SPIRAL, ELLIPTICAL) if numbers["splits"][HOLDOUT][CLASS_NAMES[one]]]
    if len(labels) != 1:
        return f"{right_text(right, n, 'holdout galaxies')}."
    label = labels[0]
    name = f"{CLASS_NAMES[label]}s"
    text = right_text(right, n, f"holdout {name}")
    test_n, test_right = (sum(matrix[label]), matrix[label][label]) if matrix else (0, 0)
    if min(n, test_n) < SMALL_GROUP:
        counts = f"{format_count(n)} {name} in the holdout and {format_count(test_n)} in the test split"
        return f"{text}. {counts} are too few to compare the two."
    text = f"{text}; {right_text(test_right, test_n, f'{name} of the test split')}."
    chance = fisher(right, n, test_right, test_n)
    measured = f"(Fisher's exact test: {p_text(chance)})"
    if chance >= SIGNIFICANCE:
        return f"{text} The difference is not significant {measured}."
    kind = "harder" if right / n < test_right / test_n else "easier"
    return f"{text} The difference is significant {measured}: holdout galaxies are {kind} for the model."
