"""Whether one class is misclassified more often than the other."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from evaluation.comparison import SIGNIFICANCE, p_text
from preprocessing.features import CLASS_NAMES, ELLIPTICAL, SPIRAL
from report.html.formats import format_percent
from report.topics.groups import FEW, SMALL_GROUP
from report.topics.words import share_of

CLASSES = (SPIRAL, ELLIPTICAL)


def warning(test: Mapping[str, Any]) -> str:
    """Return a warning if one class is misclassified significantly more often; otherwise an empty string."""
    report = test["report"]
    if not report:
        return ""
    spirals, ellipticals = (report[CLASS_NAMES[label]] for label in CLASSES)
    if None in (spirals["recall"], ellipticals["recall"]):
        return ""
    low, high = sorted((spirals, ellipticals), key=lambda entry: entry["recall"])
    if test["class_chance"] is None or test["class_chance"] >= SIGNIFICANCE:
        return ""
    worse, better = ("Spirals", "ellipticals") if low is spirals else ("Ellipticals", "spirals")
    return (
        f"{worse} are misclassified more often than {better}: {format_percent(1 - low['recall'])} against"
        f" {format_percent(1 - high['recall'])} ({p_text(test['class_chance'])})."
    )


def figure_text(shares: np.ndarray, chance: float | None) -> str:
    """Say under the confusion matrix which class is misclassified more often.

    Parameters
    ----------
    shares : ndarray, shape (2, 2)
        The confusion matrix, each row divided by its sum.
    chance : float or None
        See `report.topics.numbers.class_chance`.

    Returns
    -------
    str
        A sentence.
    """
    if chance is None:
        return "There is no galaxy of the other class to compare with."
    measured = f"(Fisher's exact test: {p_text(chance)})"
    if chance >= SIGNIFICANCE:
        return f"The difference between the classes is not significant {measured}."
    worse = CLASS_NAMES[SPIRAL if shares[0, 1] > shares[1, 0] else ELLIPTICAL].capitalize()
    return f"{worse}s are misclassified significantly more often {measured}."


def card_text(test: Mapping[str, Any]) -> str:
    """Say on the model card how many galaxies of each class are misclassified."""
    matrix = test["confusion_matrix"]
    if matrix is None or not np.sum(matrix):
        return "No test galaxy has both a label and a probability, so neither class was tested."
    missed = {SPIRAL: (matrix[0][1], sum(matrix[0])), ELLIPTICAL: (matrix[1][0], sum(matrix[1]))}
    sentences = [
        f"{share_of(part, n, f'{CLASS_NAMES[label]}s')} {'is' if part == 1 else 'are'} called"
        f" {CLASS_NAMES[SPIRAL + ELLIPTICAL - label]}"
        for label, (part, n) in missed.items()
        if n
    ]
    if len(sentences) < 2:
        return f"{sentences[0]}. The test split has no galaxy of the other class, so it was not tested."
    worse = _worse_class(missed, test["class_chance"])
    return f"{sentences[0]}; {sentences[1]}. {worse}"


def _worse_class(missed: Mapping[int, tuple[int, int]], chance: float | None) -> str:
    if min(n for _, n in missed.values()) < SMALL_GROUP:
        return FEW
    if chance is None:
        return "No galaxy is misclassified."
    measured = f"({p_text(chance)})"
    if chance >= SIGNIFICANCE:
        return f"The difference between the classes is not significant {measured}."
    worse = max(missed, key=lambda label: missed[label][0] / missed[label][1])
    return f"{CLASS_NAMES[worse].capitalize()}s are misclassified significantly more often {measured}."
