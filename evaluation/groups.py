"""Accuracy by what else is known of galaxies: magnitude, size, field, quality of the stamp."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from evaluation.intervals import wilson
from evaluation.scores import is_right

UNKNOWN = "unknown"
"""Title of the group of galaxies of which the value is not known."""


@dataclass(frozen=True)
class Group:
    """The accuracy of some galaxies.

    Attributes
    ----------
    title : str
    low, high : float or None
        Least and greatest value in the group; None where the groups are names, and of `UNKNOWN`.
    n : int
    accuracy : float
        Galaxies whose probability is not finite are wrong.
    interval : (float, float)
        Wilson's, at `evaluation.intervals.LEVEL`.
    """

    title: str
    low: float | None
    high: float | None
    n: int
    accuracy: float
    interval: tuple[float, float]


def by_quantile(
    values: ArrayLike, labels: ArrayLike, p_elliptical: ArrayLike, groups: int = 5
) -> list[Group]:
    """Return the accuracy in groups of about equal size, by ascending value.

    Parameters
    ----------
    values : array_like of float, shape (N,)
        NaN where unknown.
    labels : array_like of int, shape (N,)
        0 spiral, 1 elliptical.
    p_elliptical : array_like of float, shape (N,)
    groups : int
        Most groups. There are fewer where galaxies share a value: those are never divided.

    Returns
    -------
    list of Group
        Last the one of galaxies without a finite value, if there are any.
    """
    values = np.asarray(values, np.float64)
    right = is_right(labels, p_elliptical)
    finite = np.isfinite(values)
    known = values[finite]
    found = []
    if len(known):
        # Uppermost value of each group.
        steps = np.arange(1, groups + 1) / groups
        edges = np.unique(np.quantile(known, steps, method="inverted_cdf"))
        which = np.searchsorted(edges, known)
        for number in range(len(edges)):
            mine = known[which == number]
            low, high = float(mine.min()), float(mine.max())
            title = f"{low:.4g}" if low == high else f"{low:.4g} to {high:.4g}"
            found.append(_group(title, right[finite][which == number], low, high))
    if not finite.all():
        found.append(_group(UNKNOWN, right[~finite]))
    return found


def by_value(names: Sequence[str], labels: ArrayLike, p_elliptical: ArrayLike) -> list[Group]:
    """Return the accuracy for each of several names.

    Parameters
    ----------
    names : sequence of str, length N
        Such as each galaxy's sky field; empty where unknown.
    labels : array_like of int, shape (N,)
        0 spiral, 1 elliptical.
    p_elliptical : array_like of float, shape (N,)

    Returns
    -------
    list of Group
        In the order of the names, last `UNKNOWN`.
    """
    every = np.asarray(names, dtype=str)
    right = is_right(labels, p_elliptical)
    ordered = sorted(set(every.tolist()), key=lambda name: (not name, name))
    return [_group(name or UNKNOWN, right[every == name]) for name in ordered]


def _group(title: str, right: np.ndarray, low: float | None = None, high: float | None = None) -> Group:
    n, hits = len(right), int(right.sum())
    return Group(title, low, high, n, hits / n, wilson(hits, n))
