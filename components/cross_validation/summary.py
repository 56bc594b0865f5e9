"""Scores of each fold, their mean and standard deviation, and scores of all galaxies together."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from evaluation.calibration import calibration_error, fit_temperature, with_cross_fitted_temperature
from evaluation.formats.out_of_fold import OutOfFold
from evaluation.scores import classification_scores
from trainer.folds import FoldScores

MEASURES = ("accuracy", "auc", "loss")


def summarize(folds: Sequence[FoldScores]) -> dict[str, Any]:
    """Return the content of ``cross_validation.json``.

    Parameters
    ----------
    folds : sequence of FoldScores

    Returns
    -------
    dict
        ``phases``; ``folds``, a list of {fold, accuracy, auc, loss, n, n_train, seconds};
        ``accuracy_mean``, ``accuracy_std`` (over the folds, N - 1 in the denominator), and the same for
        ``auc`` and ``loss``, None if a fold has none; ``pooled``, the scores of all galaxies together, with
        ``ece``, the expected calibration error, ``temperature``, fitted on all galaxies, and
        ``ece_calibrated`` and ``loss_calibrated``, for which each fold is scaled by the temperature fitted on
        the other folds. The last three are None unless two folds have both classes.
    """
    ordered = sorted(folds, key=lambda fold: fold.about["fold"])
    rows: list[dict[str, Any]] = []
    for fold in ordered:
        about = fold.about
        rows.append(
            {
                "fold": about["fold"],
                **_scores_of(fold.scores),
                "n_train": about["n_train"],
                "seconds": about["seconds"],
            }
        )
    summary: dict[str, Any] = {"phases": ordered[0].about["phases"], "folds": rows}
    for name in MEASURES:
        values = [row[name] for row in rows if row[name] is not None]
        # A mean over only some of the folds would be misleading.
        complete = len(values) == len(rows)
        summary[f"{name}_mean"] = float(np.mean(values)) if complete else None
        summary[f"{name}_std"] = float(np.std(values, ddof=1)) if complete and len(values) > 1 else None
    every = OutOfFold.joined(fold.scores for fold in ordered)
    summary["pooled"] = {
        **_scores_of(every),
        "ece": calibration_error(every.labels, every.p_elliptical),
        "temperature": None,
        "ece_calibrated": None,
        "loss_calibrated": None,
    }
    if sum(len(set(fold.scores.labels)) == 2 for fold in ordered) >= 2:
        summary["pooled"] |= _calibrated(every)
    return summary


def best_fold(summary: dict[str, Any]) -> int:
    """Return the fold with the highest accuracy; of several, the highest AUC, then the lowest loss."""
    best = max(summary["folds"], key=_merit)
    return best["fold"]


def _merit(row: dict[str, Any]) -> tuple[float, float, float]:
    return row["accuracy"], row["auc"] or 0.0, -np.inf if row["loss"] is None else -row["loss"]


def _calibrated(scores: OutOfFold) -> dict[str, Any]:
    scaled = with_cross_fitted_temperature(scores.labels, scores.folds, scores.p_elliptical)
    return {
        "temperature": fit_temperature(scores.labels, scores.p_elliptical),
        "ece_calibrated": calibration_error(scores.labels, scaled),
        "loss_calibrated": classification_scores(scores.labels, scaled)["loss"],
    }


def _scores_of(scores: OutOfFold) -> dict[str, Any]:
    """Return accuracy, AUC, loss and number of galaxies."""
    found = classification_scores(scores.labels, scores.p_elliptical)
    return {name: found[name] for name in (*MEASURES, "n")}
