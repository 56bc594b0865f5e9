"""Whether a probability means what it says, and how to mend it with one number."""

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
"""Least and greatest temperature that is fitted."""
CLIP = 1e-7
"""Distance that probabilities keep from 0 and 1 before their logit is taken."""


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
        Of equal width.

    Returns
    -------
    float or None
        Mean over galaxies of the distance between mean probability and share of ellipticals in their bin.
        None without galaxies and where a probability is not finite.

    Notes
    -----
    Naeini, Cooper & Hauskrecht (2015, AAAI 29, 2901), for the probability of one class.
    """
    labels, p_elliptical = as_arrays(labels, p_elliptical)
    if not len(labels) or not np.isfinite(p_elliptical).all():
        return None
    # Within a bin, count times |mean probability - share| is |sum of (probability - label)|.
    sums = np.bincount(bin_of(p_elliptical, bins), weights=p_elliptical - labels, minlength=bins)
    return float(np.abs(sums).sum() / len(labels))


def reliability(
    labels: ArrayLike, p_elliptical: ArrayLike, bins: int = CALIBRATION_BINS
) -> list[dict[str, Any]]:
    """Return the points of the calibration curve.

    Parameters
    ----------
    labels, p_elliptical, bins
        See `calibration_error`. Galaxies whose probability is not finite are left out.

    Returns
    -------
    list of dict
        For each bin that holds galaxies, in ascending order: ``mean_p``, their mean probability; ``share``,
        the share of ellipticals among them; ``n``, their number.
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
    """Return the points of a calibration curve that lie off the diagonal by more than chance explains.

    Parameters
    ----------
    curve : sequence of mapping
        See `reliability`.
    chance : float
        How often at most there is such a point where probabilities mean what they say.

    Returns
    -------
    list of mapping
        Those of which the exact binomial test finds a p-value below `chance` divided by the number of points
        (Bonferroni).

    Notes
    -----
    The test takes each galaxy of a bin for as likely an elliptical as they are on average. As their
    probabilities differ, their count scatters less than that, so that the test errs on the safe side.
    """
    level = chance / max(len(curve), 1)
    return [
        point
        for point in curve
        if binomtest(round(point["share"] * point["n"]), point["n"], point["mean_p"]).pvalue < level
    ]


def bin_of(p_elliptical: np.ndarray, bins: int) -> np.ndarray:
    """Return the bin of equal width that each probability falls in; 1 belongs to the last."""
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
        The end of a sentence; empty where one can be fitted.
    """
    classes, p = _finite(labels, p_elliptical)
    if not len(p):
        return "no galaxy has a finite probability"
    if len(np.unique(classes)) < 2:
        return "all galaxies are of one class"
    if np.ptp(p) == 0:
        return "all probabilities are equal"
    if is_right(classes, p).all():
        return "every galaxy is called right, so that the loss falls without end as the temperature does"
    return ""


def fit_temperature(labels: ArrayLike, p_elliptical: ArrayLike) -> float:
    """Return the temperature by which probabilities are calibrated best.

    Parameters
    ----------
    labels : array_like of int, shape (N,)
        0 spiral, 1 elliptical.
    p_elliptical : array_like of float, shape (N,)
        Of galaxies that the model has not learned from. Those that are not finite are left out.

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
        Above 0; above 1 probabilities move towards one half, which itself stays where it is, so that no
        galaxy is called otherwise.

    Returns
    -------
    ndarray of float64, shape (N,)
        ``sigmoid(logit(p) / temperature)``, of p clipped to `CLIP` from 0 and 1; NaN stays NaN.
    """
    return expit(_logit(np.asarray(p_elliptical, np.float64)) / temperature)


def with_cross_fitted_temperature(labels: ArrayLike, folds: ArrayLike, p_elliptical: ArrayLike) -> np.ndarray:
    """Return out-of-fold probabilities, those of each fold scaled by the temperature of all others.

    Parameters
    ----------
    labels : array_like of int, shape (N,)
        0 spiral, 1 elliptical.
    folds : array_like of int, shape (N,)
    p_elliptical : array_like of float, shape (N,)

    Returns
    -------
    ndarray of float64, shape (N,)
        What temperature scaling makes of galaxies by which the temperature was not fitted.
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
