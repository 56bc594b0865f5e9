"""Confidence intervals of all scores: the bootstrap, or an analytic interval where it degenerates."""

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq

from evaluation.intervals import LEVEL, Range, bootstrap, wilson
from evaluation.scores import as_arrays, calls_elliptical, is_right
from preprocessing.features import ELLIPTICAL

BOOTSTRAP, WILSON, NEWCOMBE = "bootstrap", "Wilson", "Newcombe"
_STEP = 1e-12


@dataclass(frozen=True)
class ScoreInterval:
    """Confidence interval of a score.

    Attributes
    ----------
    low, high : float
    method : str
        `BOOTSTRAP`, `WILSON` or `NEWCOMBE`.
    """

    low: float
    high: float
    method: str


def score_intervals(
    labels: ArrayLike, p_elliptical: ArrayLike, seed: int = 0
) -> dict[str, ScoreInterval | None]:
    """Return intervals of the scores, at `evaluation.intervals.LEVEL`.

    Parameters
    ----------
    labels : array_like of int, shape (N,)
        0 spiral, 1 elliptical.
    p_elliptical : array_like of float, shape (N,)
    seed : int

    Returns
    -------
    dict
        Interval for each of `evaluation.intervals.SCORES`, or None if there is none.

    Notes
    -----
    If every galaxy is classified correctly, or the two classes do not overlap, every resample gives the same
    score and the bootstrap interval shrinks to a point. Shares then have Wilson's interval and the AUC has
    Newcombe's; the other scores have none.
    """
    labels, p_elliptical = as_arrays(labels, p_elliptical)
    elliptical, called = labels == ELLIPTICAL, calls_elliptical(p_elliptical) & np.isfinite(p_elliptical)
    shares = {
        "accuracy": (is_right(labels, p_elliptical).sum(), len(labels)),
        "precision": ((elliptical & called).sum(), called.sum()),
        "recall": ((elliptical & called).sum(), elliptical.sum()),
    }
    found: dict[str, ScoreInterval | None] = {}
    for name, resampled in bootstrap(labels, p_elliptical, seed=seed).items():
        found[name] = None
        if resampled is not None and resampled[0] < resampled[1]:
            found[name] = ScoreInterval(*resampled, BOOTSTRAP)
        elif resampled is not None and name in shares:
            found[name] = ScoreInterval(*wilson(*map(int, shares[name])), WILSON)
        elif resampled is not None and name == "auc":
            counts = int((~elliptical).sum()), int(elliptical.sum())
            found[name] = ScoreInterval(*newcombe(resampled[0], *counts), NEWCOMBE)
    return found


def newcombe(auc: float, n_spirals: int, n_ellipticals: int) -> Range:
    """Return Newcombe's interval of an area under the ROC curve.

    Parameters
    ----------
    auc : float
    n_spirals, n_ellipticals : int
        Both at least 1.

    Returns
    -------
    low, high : float

    Notes
    -----
    Newcombe (2006, Stat. Med. 25, 559), method 5. Like Wilson's interval of a share, it contains the areas
    whose own standard error (Hanley & McNeil 1982, with the mean of the two numbers for each) is compatible
    with the measured area. Unlike the bootstrap it does not shrink to a point if the classes do not overlap.
    """
    z = NormalDist().inv_cdf((1 + LEVEL) / 2)
    half = (n_spirals + n_ellipticals) / 2

    def variance(area: float) -> float:
        spread = (1 - area) / (2 - area) + area / (1 + area)
        return area * (1 - area) * (1 + (half - 1) * spread) / (n_spirals * n_ellipticals)

    def excess(area: float) -> float:
        return abs(auc - area) - z * math.sqrt(variance(area))

    # If the classes do not overlap, the error at the measured area is zero, so the search starts beside it.
    low = brentq(excess, 0.0, min(auc, 1 - _STEP))
    high = brentq(excess, max(auc, _STEP), 1.0)
    return (low if auc > 0 else 0.0), (high if auc < 1 else 1.0)
