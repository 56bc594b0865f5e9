"""Accuracy in groups of galaxies by magnitude, size, field or quality of the stamp."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from evaluation.intervals import wilson
from evaluation.scores import is_right

UNKNOWN = "unknown"
"""Title of the group of galaxies for which the value is not known."""
_FEWEST_DIGITS = 3
_ALL_DIGITS = 17
"""Number of digits that distinguishes any two floats."""


@dataclass(frozen=True)
class Group:
    """The accuracy of a group of galaxies.

    Attributes
    ----------
    title : str
    low, high : float or None
        Smallest and largest value in the group; None if the groups are names, and for `UNKNOWN`.
    n : int
    accuracy : float
        Galaxies whose probability is not finite count as misclassified.
    interval : (float, float)
        Wilson's interval at `evaluation.intervals.LEVEL`.
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
        NaN if unknown.
    labels : array_like of int, shape (N,)
        0 spiral, 1 elliptical.
    p_elliptical : array_like of float, shape (N,)
    groups : int
        Largest number of groups. There are fewer if many galaxies have the same value, because these are not
        separated.

    Returns
    -------
    list of Group
        Galaxies without a finite value form the last group, if there are any.
    """
    values = np.asarray(values, np.float64)
    right = is_right(labels, p_elliptical)
    finite = np.isfinite(values)
    known = values[finite]
    found = []
    if len(known):
        # Largest value of each group.
        steps = np.arange(1, groups + 1) / groups
        edges = np.unique(np.quantile(known, steps, method="inverted_cdf"))
        which = np.searchsorted(edges, known)
        members = [which == number for number in range(len(edges))]
        ends = [(float(known[mine].min()), float(known[mine].max())) for mine in members]
        for mine, title, (low, high) in zip(members, range_titles(ends), ends, strict=True):
            found.append(_group(title, right[finite][mine], low, high))
    if not finite.all():
        found.append(_group(UNKNOWN, right[~finite]))
    return found


def range_titles(ranges: Sequence[tuple[float, float]]) -> list[str]:
    """Return titles of ranges, such as ``15.2 to 16.1``.

    Parameters
    ----------
    ranges : sequence of (float, float)

    Returns
    -------
    list of str
        With three significant digits; with more if different ends would look equal.
    """
    texts = _texts({end for ends in ranges for end in ends})
    return [texts[low] if low == high else f"{texts[low]} to {texts[high]}" for low, high in ranges]


def _texts(values: Collection[float]) -> dict[float, str]:
    texts: dict[float, str] = {}
    for digits in range(_FEWEST_DIGITS, _ALL_DIGITS + 1):
        written = {value: _written(value, digits) for value in values}
        times = Counter(written.values())
        texts = {value: text for value, text in written.items() if times[text] == 1} | texts
    return texts


def _written(value: float, digits: int) -> str:
    # No exponent for sizes in pixels.
    whole = len(str(int(abs(value)))) if abs(value) < 1e6 else 0
    return f"{value:.{max(digits, whole)}g}"


def by_value(names: Sequence[str], labels: ArrayLike, p_elliptical: ArrayLike) -> list[Group]:
    """Return the accuracy for each of several names.

    Parameters
    ----------
    names : sequence of str, length N
        For example the sky field of each galaxy; empty if unknown.
    labels : array_like of int, shape (N,)
        0 spiral, 1 elliptical.
    p_elliptical : array_like of float, shape (N,)

    Returns
    -------
    list of Group
        In the order of the names, `UNKNOWN` last.
    """
    every = np.asarray(names, dtype=str)
    right = is_right(labels, p_elliptical)
    ordered = sorted(set(every.tolist()), key=lambda name: (not name, name))
    return [_group(name or UNKNOWN, right[every == name]) for name in ordered]


def _group(title: str, right: np.ndarray, low: float | None = None, high: float | None = None) -> Group:
    n, hits = len(right), int(right.sum())
    return Group(title, low, high, n, hits / n, wilson(hits, n))
