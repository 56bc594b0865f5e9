"""Scores of a classifier on a set of galaxies."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from preprocessing.features import ELLIPTICAL, SPIRAL

DECISION = 0.5
"""Threshold in the probability of elliptical for accuracy, precision and recall."""


ROUNDING = 1e-4
"""Difference in log-odds up to which probabilities are ties when they are ranked. In float32 the log-odds of
one picture differ by 1e-6 to 1e-5 from batch to batch."""
LEAST_SPREAD = 1e-3
"""Range of log-odds below which a model does not separate galaxies: 0.00025 at a probability of 0.5."""


def as_arrays(labels: ArrayLike, p_elliptical: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Return labels and probabilities as arrays, probabilities as float64."""
    return np.asarray(labels), np.asarray(p_elliptical, np.float64)


def log_odds(p_elliptical: ArrayLike) -> np.ndarray:
    """Return log-odds of probabilities, which are finite also for 0 and 1.

    Parameters
    ----------
    p_elliptical : array_like of float, shape (N,)
        Finite.

    Returns
    -------
    ndarray, float64, shape (N,)
    """
    p = np.clip(np.asarray(p_elliptical, np.float64), np.finfo(np.float64).tiny, 1 - np.finfo(float).epsneg)
    return np.log(p) - np.log1p(-p)


def without_rounding(p_elliptical: ArrayLike) -> np.ndarray:
    """Return probabilities in which values that differ only by rounding are equal.

    Parameters
    ----------
    p_elliptical : array_like of float, shape (N,)

    Returns
    -------
    ndarray, float64, shape (N,)
        In ascending order, each probability whose log-odds are at most `ROUNDING` above those of an earlier,
        unchanged one is set to its value. NaN stays NaN. Otherwise the AUC of a network that gives every
        galaxy the same probability would depend on the last digits instead of being 0.5.
    """
    p = np.asarray(p_elliptical, np.float64)
    order = np.argsort(p, kind="stable")
    order = order[np.isfinite(p[order])]
    odds = log_odds(p[order])
    merged = p.copy()
    # Only runs of neighbours closer than `ROUNDING` can contain ties.
    ends = np.flatnonzero(np.diff(odds) > ROUNDING) + 1
    for begin, end in zip([0, *ends], [*ends, len(odds)], strict=True):
        while end - begin > 1:
            group = begin + int(np.searchsorted(odds[begin:end], odds[begin] + ROUNDING, side="right"))
            merged[order[begin:group]] = p[order[begin]]
            begin = group
    return merged


def calls_elliptical(p_elliptical: ArrayLike) -> np.ndarray:
    """Return which galaxies are classified as elliptical.

    Parameters
    ----------
    p_elliptical : array_like of float, shape (N,)

    Returns
    -------
    ndarray of bool, shape (N,)
        True above `DECISION`; False for NaN.
    """
    return np.asarray(p_elliptical, np.float64) > DECISION


def is_right(labels: ArrayLike, p_elliptical: ArrayLike) -> np.ndarray:
    """Return which galaxies are classified correctly.

    Parameters
    ----------
    labels : array_like of int, shape (N,)
        0 spiral, 1 elliptical.
    p_elliptical : array_like of float, shape (N,)

    Returns
    -------
    ndarray of bool, shape (N,)
        False if the probability is not finite.
    """
    labels, p_elliptical = as_arrays(labels, p_elliptical)
    agrees = calls_elliptical(p_elliptical) == (labels == ELLIPTICAL)
    return agrees & np.isfinite(p_elliptical)


def classification_scores(labels: ArrayLike, p_elliptical: ArrayLike) -> dict[str, Any]:
    """Return the scores of a set of galaxies, as values for JSON.

    Parameters
    ----------
    labels : array_like of int, shape (N,)
        0 spiral, 1 elliptical.
    p_elliptical : array_like of float, shape (N,)

    Returns
    -------
    dict
        ``accuracy``; ``auc``, the area under the ROC curve; ``auc_pr``, the average precision of ellipticals;
        ``loss``, the binary cross-entropy; ``precision`` and ``recall`` of ellipticals; ``n``, the number of
        galaxies; ``confusion_matrix``, [[spiral as spiral, spiral as elliptical], [elliptical as spiral,
        elliptical as elliptical]]; ``not_finite``, the number of galaxies whose probability is NaN or
        infinite. Such galaxies count as misclassified in accuracy and recall, and are left out of precision
        and confusion matrix.

    Notes
    -----
    Scores that are not defined are None: all but the counts without galaxies; ``auc`` and ``auc_pr`` with one
    class only; ``auc``, ``auc_pr`` and ``loss`` if a probability is not finite; ``precision`` if no galaxy is
    called elliptical; ``recall`` if there are no ellipticals. Probabilities that differ only by rounding are
    ties in ``auc`` and ``auc_pr`` (`without_rounding`).
    """
    from sklearn import metrics  # takes a second to load, and comparisons do not need it

    labels, p_elliptical = as_arrays(labels, p_elliptical)
    finite = np.isfinite(p_elliptical)
    called = calls_elliptical(p_elliptical) & finite
    found = int((called & (labels == ELLIPTICAL)).sum())
    matrix = np.zeros((2, 2), int)
    np.add.at(matrix, ((labels == ELLIPTICAL)[finite].astype(int), called[finite].astype(int)), 1)
    countable = len(labels) > 0 and bool(finite.all())
    ranked = countable and len(np.unique(labels)) == 2
    ranks = without_rounding(p_elliptical) if ranked else p_elliptical
    return {
        "accuracy": _share(int(is_right(labels, p_elliptical).sum()), len(labels)),
        "auc": float(metrics.roc_auc_score(labels, ranks)) if ranked else None,
        "auc_pr": float(metrics.average_precision_score(labels, ranks)) if ranked else None,
        "loss": float(metrics.log_loss(labels, p_elliptical, labels=[SPIRAL, ELLIPTICAL]))
        if countable
        else None,
        "precision": _share(found, int(called.sum())),
        "recall": _share(found, int((labels == ELLIPTICAL).sum())),
        "n": len(labels),
        "confusion_matrix": matrix.tolist() if len(labels) else None,
        "not_finite": int((~finite).sum()),
    }


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
