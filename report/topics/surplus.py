"""The holdout, galaxies of the larger class left out for balance, against their class in the test split."""

from collections.abc import Mapping
from typing import Any

from evaluation.comparison import SIGNIFICANCE, chance_text
from evaluation.shares import fisher
from preprocessing.features import CLASS_NAMES, ELLIPTICAL, HOLDOUT, SPIRAL
from report.html.formats import format_count
from report.topics.groups import SMALL_GROUP
from report.topics.words import right_of


def surplus_text(numbers: Mapping[str, Any]) -> str:
    """Say how many surplus galaxies are right, and whether that differs from the test split.

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
        return f"Of the holdout galaxies, {right_of(right, n)}."
    label = labels[0]
    name = f"{CLASS_NAMES[label]}s"
    text = f"Of the holdout {name}, {right_of(right, n)}"
    test_n, test_right = (sum(matrix[label]), matrix[label][label]) if matrix else (0, 0)
    if min(n, test_n) < SMALL_GROUP:
        counts = f"{format_count(n)} {name} in the holdout and {format_count(test_n)} in the test split"
        return f"{text}; with {counts} the two cannot be compared."
    text = f"{text}; of the test split's, {right_of(test_right, test_n)}."
    chance = fisher(right, n, test_right, test_n)
    measured = f"(Fisher's exact test: p {chance_text(chance)})"
    if chance >= SIGNIFICANCE:
        return f"{text} Whether the two differ cannot be told {measured}."
    kind = "harder" if right / n < test_right / test_n else "easier"
    return (
        f"{text} Chance alone would rarely make them differ so much {measured}: those of the holdout are"
        f" {kind} for the model."
    )
