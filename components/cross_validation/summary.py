"""The scores of the folds: each one's, their mean and standard deviation, and those of all galaxies."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn import metrics

from preprocessing.features import ELLIPTICAL, SPIRAL
from trainer.folds import FoldScores

DECISION = 0.5
"""Probability of elliptical above which a galaxy counts as elliptical where accuracy is computed."""
CALIBRATION_BINS = 15


def calibration_error(labels: np.ndarray, p_elliptical: np.ndarray, bins: int = CALIBRATION_BINS) -> float:
    """Return the expected calibration error.

    Parameters
    ----------
    labels : ndarray of int, shape (N,)
    p_elliptical : ndarray of float, shape (N,)
    bins : int
        Of equal width.

    Returns
    -------
    float
        Mean over galaxies of the distance between mean probability and share of ellipticals in their bin.

    Notes
    -----
    Naeini, Cooper & Hauskrecht (2015, AAAI 29, 2901), for the probability of one class.
    """
    which = np.minimum((p_elliptical * bins).astype(int), bins - 1)
    # Within a bin, count times |mean probability - share| is |sum of (probability - label)|.
    sums = np.bincount(which, weights=p_elliptical - labels, minlength=bins)
    return float(np.abs(sums).sum() / len(labels))


def scores_of(labels: np.ndarray, p_elliptical: np.ndarray) -> dict[str, Any]:
    """Return accuracy, AUC (None with one class only), loss and number of galaxies."""
    both = len(np.unique(labels)) == 2
    return {
        "accuracy": float(np.mean((p_elliptical > DECISION) == (labels == ELLIPTICAL))),
        "auc": float(metrics.roc_auc_score(labels, p_elliptical)) if both else None,
        "loss": float(metrics.log_loss(labels, p_elliptical, labels=[SPIRAL, ELLIPTICAL])),
        "n": len(labels),
    }


def summarize(folds: Sequence[FoldScores]) -> dict[str, Any]:
    """Return the content of ``cross_validation.json``.

    Parameters
    ----------
    folds : sequence of FoldScores

    Returns
    -------
    dict
        ``phases``; ``folds``, a list of {fold, accuracy, auc, loss, n, n_train, seconds};
        ``accuracy_mean``, ``accuracy_std`` (of the folds' values, N - 1 in the denominator), and the same of
        ``auc`` and ``loss``; ``pooled``, the scores of all galaxies together, with ``ece``, the expected
        calibration error.
    """
    ordered = sorted(folds, key=lambda fold: fold.fold)
    rows: list[dict[str, Any]] = []
    for fold in ordered:
        about = {key: fold.about[key] for key in ("n_train", "seconds")}
        scores = scores_of(np.array(fold.labels), np.array(fold.p_elliptical))
        rows.append({"fold": fold.fold, **scores, **about})
    summary: dict[str, Any] = {"phases": ordered[0].about["phases"], "folds": rows}
    for name in ("accuracy", "auc", "loss"):
        values = [row[name] for row in rows if row[name] is not None]
        summary[f"{name}_mean"] = float(np.mean(values)) if values else None
        summary[f"{name}_std"] = float(np.std(values, ddof=1)) if len(values) > 1 else None
    labels = np.concatenate([fold.labels for fold in ordered])
    p_elliptical = np.concatenate([fold.p_elliptical for fold in ordered])
    summary["pooled"] = scores_of(labels, p_elliptical) | {"ece": calibration_error(labels, p_elliptical)}
    return summary


def best_fold(summary: dict[str, Any]) -> int:
    """Return the fold with the highest accuracy; of equals, the highest AUC, then the least loss."""
    best = max(summary["folds"], key=lambda row: (row["accuracy"], row["auc"] or 0.0, -row["loss"]))
    return best["fold"]
