"""Differences between the scores of two classifiers on the same galaxies."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from evaluation.intervals import LEVEL, RESAMPLES
from evaluation.scores import classification_scores, is_right
from preprocessing.features import ELLIPTICAL

MEASURES = ("accuracy", "auc", "loss")


@dataclass(frozen=True)
class Difference:
    """A score of two classifiers on the same galaxies, and its difference.

    Attributes
    ----------
    one, other : float or None
        See `evaluation.scores.classification_scores`.
    value : float or None
        `one` minus `other`; None if either is None.
    interval : (float, float) or None
        Confidence interval of the difference at `evaluation.intervals.LEVEL`.
    """

    one: float | None
    other: float | None
    value: float | None
    interval: tuple[float, float] | None


def paired_differences(
    labels: ArrayLike, one: ArrayLike, other: ArrayLike, seed: int = 0, resamples: int = RESAMPLES
) -> dict[str, Difference]:
    """Return the differences between the scores of two classifiers, with paired bootstrap intervals.

    Parameters
    ----------
    labels : array_like of int, shape (N,)
        0 spiral, 1 elliptical.
    one, other : array_like of float, shape (N,)
        Probabilities of elliptical by each classifier.
    seed, resamples : int

    Returns
    -------
    dict of Difference
        For each of `MEASURES`.

    Notes
    -----
    Percentile bootstrap, stratified by class as in `evaluation.intervals.bootstrap`. Each resample of the
    galaxies is scored by both classifiers. Galaxies that are difficult for both do not contribute to the
    difference, so its interval is narrower than the intervals of the two scores suggest. If both classify the
    same galaxies correctly, the interval of the accuracy is a point.
    """
    labels = np.asarray(labels)
    pairs = [np.asarray(p, np.float64) for p in (one, other)]
    scores = [classification_scores(labels, p) for p in pairs]
    samples = [_Sample.of(labels, p) for p in pairs]
    sizes = int((labels != ELLIPTICAL).sum()), int((labels == ELLIPTICAL).sum())
    random = np.random.default_rng(seed)
    drawn = {name: np.full(resamples, np.nan) for name in MEASURES}
    for number in range(resamples if len(labels) else 0):
        counts = [_counts(random, size) for size in sizes]
        first, second = (sample.scores(*counts) for sample in samples)
        for name in MEASURES:
            drawn[name][number] = first[name] - second[name]
    return {name: _difference(scores[0][name], scores[1][name], drawn[name]) for name in MEASURES}


def _difference(one: float | None, other: float | None, drawn: np.ndarray) -> Difference:
    if one is None or other is None:
        return Difference(one, other, None, None)
    low, high = np.quantile(drawn, ((1 - LEVEL) / 2, (1 + LEVEL) / 2))
    return Difference(one, other, one - other, (float(low), float(high)))


def _counts(random: np.random.Generator, size: int) -> np.ndarray:
    """Return how often each of `size` galaxies is drawn in `size` draws."""
    return np.bincount(random.integers(size, size=size), minlength=size) if size else np.zeros(0, int)


@dataclass(frozen=True)
class _Sample:
    """The predictions of a classifier, prepared so that a resample needs no sorting.

    Attributes
    ----------
    right, loss : (ndarray, ndarray)
        For each spiral and for each elliptical.
    order : ndarray of int, shape (number of spirals,)
        Spirals sorted by probability.
    below, up_to : ndarray of int, shape (number of ellipticals,)
        For each elliptical, the number of spirals with a smaller, and with a smaller or equal probability.
    """

    right: tuple[np.ndarray, np.ndarray]
    loss: tuple[np.ndarray, np.ndarray]
    order: np.ndarray
    below: np.ndarray
    up_to: np.ndarray

    @classmethod
    def of(cls, labels: np.ndarray, p: np.ndarray) -> "_Sample":
        elliptical = labels == ELLIPTICAL
        right = is_right(labels, p)
        # Clipped as in scikit-learn's log_loss.
        tiny = np.finfo(np.float64).eps
        loss = -np.log(np.clip(np.where(elliptical, p, 1.0 - p), tiny, 1.0 - tiny))
        order = np.argsort(p[~elliptical])
        spirals = p[~elliptical][order]
        return cls(
            (right[~elliptical], right[elliptical]),
            (loss[~elliptical], loss[elliptical]),
            order,
            np.searchsorted(spirals, p[elliptical], side="left"),
            np.searchsorted(spirals, p[elliptical], side="right"),
        )

    def scores(self, spirals: np.ndarray, ellipticals: np.ndarray) -> dict[str, float]:
        """Return the scores with a count for each galaxy; NaN if a score is not defined."""
        n_spirals, n_ellipticals = len(spirals), len(ellipticals)
        n = n_spirals + n_ellipticals
        to = np.concatenate(([0], np.cumsum(spirals[self.order])))
        wins = ellipticals @ (to[self.below] + to[self.up_to])
        pairs = 2 * n_spirals * n_ellipticals
        return {
            "accuracy": (spirals @ self.right[0] + ellipticals @ self.right[1]) / n,
            # Not by @, which would use all threads of BLAS for each resample.
            "loss": ((spirals * self.loss[0]).sum() + (ellipticals * self.loss[1]).sum()) / n,
            "auc": wins / pairs if pairs else np.nan,
        }
