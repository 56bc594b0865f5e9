"""Whether one class is mistaken more often than the other."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from evaluation.comparison import SIGNIFICANCE, chance_text
from preprocessing.features import CLASS_NAMES, ELLIPTICAL, SPIRAL
from report.html.formats import format_percent
from report.topics.groups import FEW, SMALL_GROUP
from report.topics.words import share_of

CLASSES = (SPIRAL, ELLIPTICAL)


def warning(test: Mapping[str, Any]) -> str:
    """Say that one class is missed more often than the other; empty where that is not known."""
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
        f"{worse} are missed more often than {better}: {format_percent(1 - low['recall'])} against"
        f" {format_percent(1 - high['recall'])} (p {chance_text(test['class_chance'])})."
    )


def figure_text(shares: np.ndarray, chance: float | None) -> str:
    """Say under the confusion matrix which class is missed more often.

    Parameters
    ----------
    shares : ndarray, shape (2, 2)
        The confusion matrix, each row divided by its sum.
    chance : float or None
        See `report.topics.numbers.class_chance`.

    Returns
    -------
    str
        The end of a sentence.
    """
    if chance is None:
        return "the other class is absent, so the two cannot be compared."
    spirals, ellipticals = (CLASS_NAMES[label] + "s" for label in (SPIRAL, ELLIPTICAL))
    worse = spirals if shares[0, 1] > shares[1, 0] else ellipticals
    text = chance_text(chance)
    if chance < SIGNIFICANCE:
        return f"{worse} are missed more often (Fisher's exact test: p {text})."
    return f"neither class is missed more often than chance explains (Fisher's exact test: p {text})."


def card_text(test: Mapping[str, Any]) -> str:
    """Say on the model card how many galaxies of each class are taken for the other."""
    matrix = test["confusion_matrix"]
    if matrix is None or not np.sum(matrix):
        return "No test galaxy has both a label and a probability: nothing is known of either class."
    missed = {SPIRAL: (matrix[0][1], sum(matrix[0])), ELLIPTICAL: (matrix[1][0], sum(matrix[1]))}
    said = [
        f"{share_of(part, n, f'{CLASS_NAMES[label]}s')} {'is' if part == 1 else 'are'} called"
        f" {CLASS_NAMES[SPIRAL + ELLIPTICAL - label]}"
        for label, (part, n) in missed.items()
        if n
    ]
    if len(said) < 2:
        return f"{said[0]}. The test split holds no galaxy of the other class: nothing is known of it."
    worse = _worse_class(missed, test["class_chance"])
    return f"{said[0]}; {said[1]}. {worse}"


def _worse_class(missed: Mapping[int, tuple[int, int]], chance: float | None) -> str:
    if min(n for _, n in missed.values()) < SMALL_GROUP:
        return FEW
    if chance is None:
        return "Neither class is confused with the other."
    if chance >= SIGNIFICANCE:
        return f"Which class is confused more often cannot be told (p {chance_text(chance)})."
    worse = max(missed, key=lambda label: missed[label][0] / missed[label][1])
    return f"{CLASS_NAMES[worse].capitalize()}s are confused more often (p {chance_text(chance)})."
