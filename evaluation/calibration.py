"""Calibration of probabilities: expected calibration error, reliability diagram, temperature scaling."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import minimize_scalar
from scipy.special import expit, logit
from scipy.stats import binomtest

from evaluation.scores import as_arrays, is_right
from preprocessing.features import ELLIPTICAL

CALIBRATION_BINS = 15
TEMPERATURES = (0.05, 20.0)
"""Smallest and largest temperature that is fitted."""
CLIP = 1e-7
"""Probabilities are clipped to this distance from 0 and 1 before their logit is taken."""


def calibration_error(
    labels: ArrayLike, p_elliptical: ArrayLike, bins: int = CALIBRATION_BINS
) -> float | None:
    """Return the expected calibration error.

    Parameters
    ----------
    labels : array_like of int, shape (N,)
        0 spiral, 1 elliptical.
    p_elliptical : array_like of float, shape (N,)
    bins : int
        Number of bins of equal width.

    Returns
    -------
    float or None
        Mean over galaxies of the distance between mean probability and share of ellipticals in their bin.
        None without galaxies, and if a probability is not finite.

    Notes
    -----
    Naeini, Cooper & Hauskrecht (2015, AAAI 29, 2901), for the probability of one class.
    """
    labels, p_elliptical = as_arrays(labels, p_elliptical)
    if not len(labels) or not np.isfinite(p_elliptical).all():
        return None
    # In a bin, n * |mean probability - share| equals |sum of (probability - label)|.
    sums = np.bincount(bin_of(p_elliptical, bins), weights=p_elliptical - labels, minlength=bins)
    return float(np.abs(sums).sum() / len(labels))


def reliability(
    labels: ArrayLike, p_elliptical: ArrayLike, bins: int = CALIBRATION_BINS
) -> list[dict[str, Any]]:
    """Return the points of the reliability diagram.

    Parameters
    ----------
    labels, p_elliptical, bins
        See `calibration_error`. Galaxies whose probability is not finite are left out.

    Returns
    -------
    list of dict
        For each bin with galaxies, in ascending order: ``mean_p``, their mean probability; ``share``, the
        share of ellipticals; ``n``, their number.
    """
    classes, p = _finite(labels, p_elliptical)
    which = bin_of(p, bins)
    counts = np.bincount(which, minlength=bins)
    sums = np.bincount(which, weights=p, minlength=bins)
    ellipticals = np.bincount(which, weights=classes == ELLIPTICAL, minlength=bins)
    return [
        {"mean_p": float(total / n), "share": float(right / n), "n": int(n)}
        for total, right, n in zip(sums, ellipticals, counts, strict=True)
        if n
    ]


def off_diagonal(curve: Sequence[Mapping[str, Any]], chance: float = 0.05) -> list[Mapping[str, Any]]:
    """Return the points of a reliability diagram that deviate significantly from the diagonal.

    Parameters
    ----------
    curve : sequence of mapping
        See `reliability`.
    chance : float
        Significance level for all points together.

    Returns
    -------
    list of mapping
        Points for which the p-value of the exact binomial test is below `chance` divided by the number of
        points (Bonferroni correction).

    Notes
    -----
    The test assumes that all galaxies of a bin have its mean probability. Their real probabilities differ, so
    the number of ellipticals varies less than assumed and the test is conservative.
    """
    level = chance / max(len(curve), 1)
    return [
        point
        for point in curve
        if binomtest(round(point["share"] * point["n"]), point["n"], point["mean_p"]).pvalue < level
    ]


def bin_of(p_elliptical: np.ndarray, bins: int) -> np.ndarray:
    """Return the bin of equal width of each probability; 1 belongs to the last bin."""
    return np.minimum((p_elliptical * bins).astype(int), bins - 1)


def temperature_problem(labels: ArrayLike, p_elliptical: ArrayLike) -> str:
    """Return why no temperature can be fitted.

    Parameters
    ----------
    labels : array_like of int, shape (N,)
        0 spiral, 1 elliptical.
    p_elliptical : array_like of float, shape (N,)

    Returns
    -------
    str
        The end of a sentence; empty if one can be fitted.
    """
    classes, p = _finite(labels, p_elliptical)
    if not len(p):
        return "no galaxy has a finite probability"
    if len(np.unique(classes)) < 2:
        return "all galaxies are of one class"
    if np.ptp(p) == 0:
        return "all probabilities are equal"
    if is_right(classes, p).all():
        return "every galaxy is classified correctly, so the loss has no minimum in the temperature"
    return ""


def fit_temperature(labels: ArrayLike, p_elliptical: ArrayLike) -> float:
    """Fit the temperature that minimizes the log loss (temperature scaling).

    Parameters
    ----------
    labels : array_like of int, shape (N,)
        0 spiral, 1 elliptical.
    p_elliptical : array_like of float, shape (N,)
        Probabilities of held-out galaxies. Those that are not finite are left out.

    Returns
    -------
    float
        Above 1 where the model is too sure, below 1 where it is not sure enough; within `TEMPERATURES`. 1
        where none can be fitted (`temperature_problem`).

    Notes
    -----
    Guo, Pleiss, Sun & Weinberger (2017, ICML 34, 1321): the one temperature at which the log loss of
    `with_temperature` is least. The log loss is convex in its inverse, so there is one minimum.
    """
    if temperature_problem(labels, p_elliptical):
        return 1.0
    classes, p = _finite(labels, p_elliptical)
    # The logit of the probability of the other class: the log loss is the mean of log(1 + exp(it / T)).
    wrong = _logit(p) * np.where(classes == ELLIPTICAL, -1.0, 1.0)

    def loss(log_temperature: float) -> float:
        return float(np.mean(np.logaddexp(0.0, wrong * np.exp(-log_temperature))))

    found = minimize_scalar(
        loss, bounds=tuple(np.log(TEMPERATURES)), method="bounded", options={"xatol": 1e-6}
    )
    return float(np.exp(found.x))


def with_temperature(p_elliptical: ArrayLike, temperature: float) -> np.ndarray:
    """Return probabilities scaled by a temperature.

    Parameters
    ----------
    p_elliptical : array_like of float, shape (N,)
    temperature : float
        Above 0. A temperature above 1 moves probabilities towards 0.5. The class at a threshold of 0.5 does
        not change.

    Returns
    -------
    ndarray of float64, shape (N,)
        ``sigmoid(logit(p) / temperature)``, of p clipped to `CLIP` from 0 and 1; NaN stays NaN.
    """
    return expit(_logit(np.asarray(p_elliptical, np.float64)) / temperature)


def with_cross_fitted_temperature(labels: ArrayLike, folds: ArrayLike, p_elliptical: ArrayLike) -> np.ndarray:
    """Return out-of-fold probabilities, each fold scaled by the temperature fitted on the other folds.

    Parameters
    ----------
    labels : array_like of int, shape (N,)
        0 spiral, 1 elliptical.
    folds : array_like of int, shape (N,)
    p_elliptical : array_like of float, shape (N,)

    Returns
    -------
    ndarray of float64, shape (N,)
        Probabilities scaled by a temperature that was not fitted on the same galaxy.
    """
    classes, p = as_arrays(labels, p_elliptical)
    of_fold = np.asarray(folds)
    scaled = np.empty_like(p)
    for fold in np.unique(of_fold):
        mine = of_fold == fold
        scaled[mine] = with_temperature(p[mine], fit_temperature(classes[~mine], p[~mine]))
    return scaled


def _finite(labels: ArrayLike, p_elliptical: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Return the labels and probabilities of the galaxies whose probability is finite."""
    classes, p = as_arrays(labels, p_elliptical)
    finite = np.isfinite(p)
    return classes[finite], p[finite]


def _logit(p_elliptical: np.ndarray) -> np.ndarray:
    return logit(np.clip(p_elliptical, CLIP, 1.0 - CLIP))
