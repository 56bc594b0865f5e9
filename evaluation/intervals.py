"""Confidence intervals of scores: Wilson's interval and the bootstrap."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import binomtest

from evaluation.calibration import CALIBRATION_BINS, bin_of
from evaluation.scores import DECISION, as_arrays, without_rounding
from preprocessing.features import ELLIPTICAL

LEVEL = 0.95
"""Confidence level of the intervals."""
RESAMPLES = 2000
SCORES = ("accuracy", "auc", "auc_pr", "loss", "precision", "recall", "ece")
"""Scores for which `bootstrap` returns intervals."""

Range = tuple[float, float]


def wilson(right: int, n: int, level: float = LEVEL) -> Range:
    """Return Wilson's interval of a share.

    Parameters
    ----------
    right, n : int
        Number of successes and of trials.
    level : float

    Returns
    -------
    low, high : float
        0 and 1 if `n` is 0.

    Notes
    -----
    Wilson (1927, JASA 22, 209). Unlike the normal approximation it does not shrink to a point if the share is
    0 or 1.
    """
    if not n:
        return 0.0, 1.0
    interval = binomtest(int(right), int(n)).proportion_ci(level, method="wilson")
    return float(interval.low), float(interval.high)


def bootstrap(
    labels: ArrayLike, p_elliptical: ArrayLike, seed: int = 0, resamples: int = RESAMPLES
) -> dict[str, Range | None]:
    """Return bootstrap intervals of the scores, at `LEVEL`.

    Parameters
    ----------
    labels : array_like of int, shape (N,)
        0 spiral, 1 elliptical.
    p_elliptical : array_like of float, shape (N,)
    seed : int
    resamples : int

    Returns
    -------
    dict
        (low, high) for each of `SCORES`, or None if `evaluation.scores.classification_scores` gives None.

    Notes
    -----
    Percentile bootstrap (Efron & Tibshirani 1993, chapter 13), stratified by class: each resample draws as
    many spirals and as many ellipticals as there are. The resamples for the calibration error are not
    stratified, because this error depends on the shares of the classes. Resampling increases it, because it
    is a sum of absolute values; its interval is therefore biased upwards and may exclude the measured value.

    The probabilities are sorted once. A resample is a count for each galaxy and every score is a sum over
    such counts, so memory does not grow with the number of resamples.
    """
    sample = _Sample.of(*as_arrays(labels, p_elliptical))
    random = np.random.default_rng(seed)
    drawn = {name: np.empty(resamples) for name in SCORES}
    for number in range(resamples):
        for name, value in sample.scores(*sample.draw(random)).items():
            drawn[name][number] = value
        drawn["ece"][number] = sample.calibration_error(*sample.draw_mixture(random))
    return {name: _percentiles(values) for name, values in drawn.items()}


def _percentiles(values: np.ndarray) -> Range | None:
    # Precision is not defined in resamples in which no galaxy is called elliptical.
    values = values[np.isfinite(values)]
    if not len(values):
        return None
    low, high = np.quantile(values, ((1 - LEVEL) / 2, (1 + LEVEL) / 2))
    return float(low), float(high)


def _counts(random: np.random.Generator, size: int, draws: int) -> np.ndarray:
    """Return how often each of `size` galaxies is drawn in `draws` draws."""
    if not size:
        return np.zeros(0, np.int64)
    return np.bincount(random.integers(size, size=draws, dtype=np.int32), minlength=size)


@dataclass(frozen=True)
class _Class:
    """The galaxies of one class, sorted by probability; those without a probability are last.

    Attributes
    ----------
    p, loss : ndarray, shape (n,)
    called_spiral, finite : int
        Number of galaxies called spiral, and number with a finite probability.
    edges : ndarray of int, shape (bins + 1,)
        First galaxy of each bin of the calibration error; empty if a probability is not finite.
    """

    p: np.ndarray
    loss: np.ndarray
    called_spiral: int
    finite: int
    edges: np.ndarray

    @classmethod
    def of(cls, p: np.ndarray, label: int) -> "_Class":
        p = np.sort(np.where(np.isfinite(p), p, np.nan))
        finite = int(np.isfinite(p).sum())
        given = p if label == ELLIPTICAL else 1.0 - p
        # Clipped as in scikit-learn's log_loss.
        tiny = np.finfo(np.float64).eps
        loss = -np.log(np.clip(given, tiny, 1.0 - tiny))
        edges = np.empty(0, int)
        if finite == len(p):
            edges = np.searchsorted(bin_of(p, CALIBRATION_BINS), np.arange(CALIBRATION_BINS + 1))
        return cls(p, loss, int(np.searchsorted(p[:finite], DECISION, side="right")), finite, edges)


@dataclass(frozen=True)
class _Sample:
    """All galaxies, prepared so that a resample needs no sorting.

    Attributes
    ----------
    spirals, ellipticals : _Class
    below, up_to : ndarray of int, shape (number of ellipticals,)
        For each elliptical, the number of spirals with a smaller, and with a smaller or equal probability.
    first_equal : ndarray of int, shape (number of ellipticals,)
        For each elliptical, the number of ellipticals with a smaller probability.
    """

    spirals: _Class
    ellipticals: _Class
    below: np.ndarray
    up_to: np.ndarray
    first_equal: np.ndarray

    @classmethod
    def of(cls, labels: np.ndarray, p: np.ndarray) -> "_Sample":
        ellipticals = _Class.of(p[labels == ELLIPTICAL], ELLIPTICAL)
        spirals = _Class.of(p[labels != ELLIPTICAL], 1 - ELLIPTICAL)
        ranks = without_rounding(np.where(np.isfinite(p), p, np.nan))
        lower, upper = np.sort(ranks[labels != ELLIPTICAL]), np.sort(ranks[labels == ELLIPTICAL])
        return cls(
            spirals,
            ellipticals,
            np.searchsorted(lower, upper, side="left"),
            np.searchsorted(lower, upper, side="right"),
            np.searchsorted(upper, upper, side="left"),
        )

    def draw(self, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Return how often each spiral and each elliptical is drawn, stratified by class."""
        sizes = len(self.spirals.p), len(self.ellipticals.p)
        return _counts(random, sizes[0], sizes[0]), _counts(random, sizes[1], sizes[1])

    def draw_mixture(self, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Return how often each spiral and each elliptical is drawn, not stratified by class."""
        sizes = len(self.spirals.p), len(self.ellipticals.p)
        n = sum(sizes)
        spirals = int(random.binomial(n, sizes[0] / n)) if n else 0
        return _counts(random, sizes[0], spirals), _counts(random, sizes[1], n - spirals)

    def scores(self, spirals: np.ndarray, ellipticals: np.ndarray) -> dict[str, float]:
        """Return the scores of a resample except the calibration error; NaN if a score is not defined."""
        n_spirals, n_ellipticals = len(spirals), len(ellipticals)
        n = n_spirals + n_ellipticals
        values = {name: np.nan for name in SCORES if name != "ece"}
        if not n:
            return values
        spirals_to = np.concatenate(([0], np.cumsum(spirals)))
        ellipticals_to = np.concatenate(([0], np.cumsum(ellipticals)))
        right_spirals = spirals_to[self.spirals.called_spiral]
        false = spirals_to[self.spirals.finite] - right_spirals
        found = ellipticals_to[self.ellipticals.finite] - ellipticals_to[self.ellipticals.called_spiral]
        values["accuracy"] = (right_spirals + found) / n
        if found + false:
            values["precision"] = found / (found + false)
        if n_ellipticals:
            values["recall"] = found / n_ellipticals
        if self.spirals.finite + self.ellipticals.finite < n:
            return values
        # No dot products: BLAS would use several threads, which takes ten times as long for short arrays.
        values["loss"] = (
            (spirals * self.spirals.loss).sum() + (ellipticals * self.ellipticals.loss).sum()
        ) / n
        if n_spirals and n_ellipticals:
            less, up_to = spirals_to[self.below], spirals_to[self.up_to]
            values["auc"] = (ellipticals * (less + up_to)).sum() / (2 * n_spirals * n_ellipticals)
            # Precision with the probability of each elliptical as the threshold.
            kept = n_ellipticals - ellipticals_to[self.first_equal]
            precision = kept / np.maximum(kept + n_spirals - less, 1)
            values["auc_pr"] = (ellipticals * precision).sum() / n_ellipticals
        return values

    def calibration_error(self, spirals: np.ndarray, ellipticals: np.ndarray) -> float:
        """Return the calibration error of a resample; NaN if it is not defined."""
        n = len(spirals) + len(ellipticals)
        if not n or self.spirals.finite + self.ellipticals.finite < n:
            return np.nan
        sums = self._sums(self.spirals, spirals, 0.0) + self._sums(self.ellipticals, ellipticals, 1.0)
        return float(np.abs(sums).sum() / n)

    @staticmethod
    def _sums(of_class: _Class, counts: np.ndarray, label: float) -> np.ndarray:
        """Return the sum of probability minus label in each bin."""
        total = np.concatenate(([0.0], np.cumsum(counts * (of_class.p - label))))
        return np.diff(total[of_class.edges])
