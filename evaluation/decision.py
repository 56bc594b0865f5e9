"""Decision intervals: the range of probabilities that is called uncertain."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from evaluation.intervals import Range, wilson
from evaluation.scores import DECISION, as_arrays
from preprocessing.features import ELLIPTICAL, SPIRAL


@dataclass(frozen=True)
class Interval:
    """Probabilities of elliptical that are called uncertain, both ends included.

    Attributes
    ----------
    low, high : float
    share_uncertain : float
        Share of the galaxies on which the interval was fitted that lie in it.
    n : int
        Number of these galaxies.
    """

    low: float
    high: float
    share_uncertain: float
    n: int


def smallest_interval(labels: ArrayLike, p_elliptical: ArrayLike, precision: float) -> Interval | None:
    """Return the interval that calls the fewest galaxies uncertain while both classes reach a precision.

    Parameters
    ----------
    labels : array_like of int, shape (N,)
        0 spiral, 1 elliptical.
    p_elliptical : array_like of float, shape (N,)
    precision : float
        Smallest allowed share of spirals below the interval, and of ellipticals above it.

    Returns
    -------
    Interval or None
        Of several such intervals, the one whose middle is nearest to 0.5. The ends lie halfway between the
        probabilities of two galaxies; they are equal if no galaxy needs to be called uncertain. None if there
        is no such interval with galaxies on both sides.

    Notes
    -----
    The interval is fitted on these galaxies, so it must be evaluated on others (`interval_scores`). Galaxies
    whose probability is not finite count as uncertain.
    """
    labels, p_elliptical = as_arrays(labels, p_elliptical)
    finite = np.isfinite(p_elliptical)
    values, which = np.unique(p_elliptical[finite], return_inverse=True)
    if len(values) < 2:
        return None
    spirals = np.bincount(which, weights=labels[finite] == SPIRAL)
    every = np.bincount(which)
    # Cut k separates the first k values from the others: 1 <= k < number of values.
    below, spirals_below = np.cumsum(every)[:-1], np.cumsum(spirals)[:-1]
    above = every.sum() - below
    ellipticals_above = above - (spirals.sum() - spirals_below)
    # Tolerance for rounding: 0.07 * 100 is slightly more than 7.
    least = precision * (1 - 1e-12)
    good_below = spirals_below >= least * below
    good_above = ellipticals_above >= least * above
    # For each upper end the best lower end is the last valid one that is not above it.
    cuts = np.arange(len(below))
    last_good = np.maximum.accumulate(np.where(good_below, cuts, -1))
    highs = cuts[good_above & (last_good >= 0)]
    if not len(highs):
        return None
    lows = last_good[highs]
    uncertain = below[highs] - below[lows]
    ends = (values[:-1] + values[1:]) / 2
    middle = np.abs((ends[lows] + ends[highs]) / 2 - DECISION)
    best = np.lexsort((middle, uncertain))[0]
    share = (uncertain[best] + (~finite).sum()) / len(labels)
    return Interval(float(ends[lows[best]]), float(ends[highs[best]]), float(share), len(labels))


def interval_scores(labels: ArrayLike, p_elliptical: ArrayLike, low: float, high: float) -> dict[str, Any]:
    """Return the scores of a decision interval.

    Parameters
    ----------
    labels : array_like of int, shape (N,)
        0 spiral, 1 elliptical.
    p_elliptical : array_like of float, shape (N,)
    low, high : float
        Ends of the interval, both included. Probabilities that are not finite also count as uncertain.

    Returns
    -------
    dict
        ``share_uncertain``; ``accuracy_of_the_rest``; ``precision_spiral``, the share of spirals below `low`;
        ``precision_elliptical``, the share of ellipticals above `high`; ``interval_spiral`` and
        ``interval_elliptical``, their Wilson intervals; ``n_spiral`` and ``n_elliptical``, the numbers of
        galaxies below and above; ``n``, the number of all galaxies. Shares of no galaxies are None.
    """
    labels, p_elliptical = as_arrays(labels, p_elliptical)
    finite = np.isfinite(p_elliptical)
    below, above = finite & (p_elliptical < low), finite & (p_elliptical > high)
    return {
        "share_uncertain": _mean(~(below | above)),
        "accuracy_of_the_rest": _mean(np.concatenate((labels[below] == SPIRAL, labels[above] == ELLIPTICAL))),
        "precision_spiral": _mean(labels[below] == SPIRAL),
        "precision_elliptical": _mean(labels[above] == ELLIPTICAL),
        "interval_spiral": _interval(labels[below] == SPIRAL),
        "interval_elliptical": _interval(labels[above] == ELLIPTICAL),
        "n_spiral": int(below.sum()),
        "n_elliptical": int(above.sum()),
        "n": len(labels),
    }


def _mean(which: np.ndarray) -> float | None:
    return float(which.mean()) if len(which) else None


def _interval(which: np.ndarray) -> Range | None:
    return wilson(int(which.sum()), len(which)) if len(which) else None
