"""Comparison of two classifiers on the same galaxies by McNemar's exact test."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from evaluation.scores import DECISION
from preprocessing.features import ELLIPTICAL

SIGNIFICANCE = 0.05
"""Significance level of all tests."""


@dataclass(frozen=True, slots=True)
class Score:
    """Prediction of a classifier for a held-out galaxy; `label` is 0 spiral, 1 elliptical."""

    label: int
    p_elliptical: float

    @property
    def right(self) -> bool:
        """Whether it is classified correctly; False if the probability is not finite."""
        agrees = (self.p_elliptical > DECISION) == (self.label == ELLIPTICAL)
        return agrees and math.isfinite(self.p_elliptical)


@dataclass(frozen=True)
class Comparison:
    """A classifier compared with the best one.

    Attributes
    ----------
    n : int
        Number of galaxies that both have scored, with the same label.
    only_this, only_best : int
        Number of galaxies that only this one, or only the best one, classifies correctly.
    p_value : float
        p-value of McNemar's exact test.
    """

    n: int
    only_this: int
    only_best: int
    p_value: float

    @property
    def difference(self) -> float | None:
        """Accuracy minus that of the best, on the common galaxies; None without common galaxies."""
        return (self.only_this - self.only_best) / self.n if self.n else None


def compare(this: Mapping[str, Score], best: Mapping[str, Score]) -> Comparison:
    """Compare a classifier with the best one on the galaxies that both have scored.

    Parameters
    ----------
    this, best : mapping of str to Score
        By name of the galaxy.

    Returns
    -------
    Comparison
    """
    n = only_this = only_best = 0
    for name, score in this.items():
        other = best.get(name)
        if other is None or other.label != score.label:
            continue
        n += 1
        only_this += score.right and not other.right
        only_best += other.right and not score.right
    return Comparison(n, only_this, only_best, mcnemar(only_this, only_best))


def mcnemar(one: int, other: int) -> float:
    """Return the p-value of McNemar's exact test, two-sided.

    Parameters
    ----------
    one, other : int
        Number of galaxies that only one classifier, or only the other, classifies correctly.

    Returns
    -------
    float
        Twice the probability that ``one + other`` tosses of a coin give at most ``min(one, other)`` heads,
        but at most 1.

    References
    ----------
    McNemar, Q. 1947, Psychometrika 12, 153.
    """
    total = one + other
    # Integers, so that the result is exact however small it is.
    term = tail = 1
    for heads in range(min(one, other)):
        term = term * (total - heads) // (heads + 1)
        tail += term
    return min(1.0, tail / (1 << (total - 1))) if total else 1.0


def chance_text(p_value: float) -> str:
    """Return a p-value as readable text."""
    return "< 0.001" if p_value < 0.001 else f"{p_value:.3f}" if p_value < 0.1 else f"{p_value:.2f}"


def p_text(p_value: float) -> str:
    """Return a p-value with its symbol: ``p = 0.035`` or ``p < 0.001``."""
    text = chance_text(p_value)
    return f"p {text}" if text.startswith("<") else f"p = {text}"


def accuracy_error(accuracy: float, n: int) -> float:
    """Return the standard error of an accuracy measured on `n` galaxies.

    Parameters
    ----------
    accuracy : float
    n : int
        At least 1.

    Returns
    -------
    float
        Half the width of Wilson's interval of one standard deviation. It approaches
        ``sqrt(accuracy (1 - accuracy) / n)`` for large `n`, but is not zero if every galaxy is right.
    """
    return math.sqrt(accuracy * (1 - accuracy) / n + 1 / (4 * n * n)) / (1 + 1 / n)
