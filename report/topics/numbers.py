"""All numbers of a run: the content of ``metrics.json``."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sklearn import metrics

from evaluation.calibration import calibration_error
from evaluation.formats.json_text import finite
from evaluation.formats.out_of_fold import OutOfFold
from evaluation.formats.predictions import Predictions
from evaluation.intervals import LEVEL, RESAMPLES, wilson
from evaluation.score_intervals import score_intervals
from evaluation.scores import calls_elliptical, classification_scores, is_right
from evaluation.shares import fisher
from preprocessing.features import CLASS_NAMES, ELLIPTICAL, HOLDOUT, NO_LABEL, SPIRAL, SPLITS, TEST, UNCERTAIN
from report.evidence.reading import Evidence
from report.topics.calibration import calibration_numbers
from report.topics.decision import decision_numbers
from report.topics.groups import group_numbers
from report.topics.novelty import novelty_numbers

CLASSES = (SPIRAL, ELLIPTICAL)
MACRO, WEIGHTED = "macro average", "weighted average"
SEED = 0
"""Seed of the bootstrap, fixed so that the same files give the same intervals."""


def run_numbers(evidence: Evidence) -> dict[str, Any]:
    """Return the content of ``metrics.json`` except the suspect labels.

    Parameters
    ----------
    evidence : Evidence

    Returns
    -------
    dict
        ``test``, see `scored_numbers`, with ``report`` (`classification_report`), ``wilson`` (interval of the
        accuracy), ``class_chance`` (see there) and ``equal_probabilities``; ``holdout`` {accuracy, n,
        interval, not_finite} or None; ``uncertain`` {fraction_uncertain, n, interval, not_finite} or None;
        ``cross_validation``, the summary of the folds or None; ``out_of_fold``, see `scored_numbers`, or
        None; ``calibration``, ``decision``, ``groups``, see `calibration_numbers`, `decision_numbers` and
        `group_numbers`; ``novelty``, see `novelty_numbers`; ``splits``, numbers of galaxies by split and
        class; ``nothing_shown``, numbers of galaxies by split that are not evaluated because their flux is
        constant or missing; ``tfma``, the scores by TFMA and their differences from ``test``; ``gate``;
        ``serving``, the trial of the model in a server (`serving.validation.result.Trial`) or None;
        ``pushed_version``, ``pushed_to``, ``fingerprint``; ``intervals``, how intervals are computed.
        Unknown values are None, never NaN.
    """
    predictions, run, results = evidence.predictions, evidence.run, evidence.results
    labels, p = predictions.scored(TEST)
    test = scored_numbers(labels, p)
    return finite(
        {
            "name": run["name"],
            "test": {
                **test,
                "report": classification_report(labels, p),
                "wilson": wilson(int(is_right(labels, p).sum()), len(labels)),
                "class_chance": class_chance(test["confusion_matrix"]),
                "equal_probabilities": len(p) > 1 and bool(np.ptp(p) == 0),
            },
            "holdout": _holdout(predictions),
            "uncertain": _uncertain(predictions),
            "cross_validation": results.get("cross_validation"),
            "out_of_fold": _out_of_fold(evidence.out_of_fold),
            "calibration": calibration_numbers(predictions, results.get("temperature")),
            "decision": decision_numbers(predictions, evidence.uncertain, evidence.precision),
            "groups": group_numbers(predictions, evidence.galaxies),
            "novelty": novelty_numbers(predictions),
            "splits": _splits(predictions),
            "nothing_shown": {
                split: count for split in SPLITS if (count := predictions.nothing_shown(split))
            },
            "tfma": _tfma(results.get("tfma"), test),
            "gate": {"accuracy": None, "auc": None, "published": None, **results["gate"]},
            "serving": results.get("serving"),
            "pushed_version": results.get("pushed_version"),
            "pushed_to": results.get("pushed_to"),
            "fingerprint": run.get("fingerprint"),
            "intervals": {
                "level": LEVEL,
                "resamples": RESAMPLES,
                "seed": SEED,
                "method": "percentile bootstrap, stratified by class except for the ECE; where all resamples"
                " give the same score, Wilson's interval for shares and Newcombe's for the AUC; Wilson's"
                " interval for holdout, uncertain galaxies and groups",
            },
        }
    )


def scored_numbers(labels: np.ndarray, p_elliptical: np.ndarray) -> dict[str, Any]:
    """Return `classification_scores`, ``ece``, and ``intervals`` and ``intervals_by`` of all scores."""
    intervals = score_intervals(labels, p_elliptical, seed=SEED)
    return {
        **classification_scores(labels, p_elliptical),
        "ece": calibration_error(labels, p_elliptical),
        "intervals": {name: found and [found.low, found.high] for name, found in intervals.items()},
        "intervals_by": {name: found and found.method for name, found in intervals.items()},
    }


def classification_report(labels: np.ndarray, p_elliptical: np.ndarray) -> dict[str, dict[str, Any]] | None:
    """Return precision, recall, F1 score and support of each class, and their averages.

    Parameters
    ----------
    labels : ndarray of int, shape (N,)
    p_elliptical : ndarray of float, shape (N,)
        Galaxies whose probability is not finite are left out.

    Returns
    -------
    dict of dict or None
        By class, `MACRO` and `WEIGHTED`: the result of `sklearn.metrics.classification_report`; NaN where a
        share is not defined. None without galaxies.
    """
    known = np.isfinite(p_elliptical)
    if not known.any():
        return None
    true, called = labels[known], calls_elliptical(p_elliptical[known]).astype(int)
    names = [CLASS_NAMES[label] for label in CLASSES]
    found = metrics.classification_report(
        true, called, labels=CLASSES, target_names=names, output_dict=True, zero_division=np.nan
    )
    titles = {**{name: name for name in names}, "macro avg": MACRO, "weighted avg": WEIGHTED}
    keys = {"precision": "precision", "recall": "recall", "f1-score": "f1", "support": "support"}
    return {
        title: {key: found[name][theirs] for theirs, key in keys.items()}
        | {"support": int(found[name]["support"])}
        for name, title in titles.items()
    }


def class_chance(matrix: Sequence[Sequence[int]] | None) -> float | None:
    """Return the p-value of Fisher's exact test for equal error rates of the two classes.

    Parameters
    ----------
    matrix : sequence, shape (2, 2), or None
        The confusion matrix.

    Returns
    -------
    float or None
        None if a class is absent or no galaxy is misclassified.
    """
    if matrix is None:
        return None
    wrong = (matrix[0][1], matrix[1][0])
    n = (sum(matrix[0]), sum(matrix[1]))
    if not sum(wrong) or 0 in n:
        return None
    return fisher(wrong[0], n[0], wrong[1], n[1])


def _holdout(predictions: Predictions) -> dict[str, Any] | None:
    labels, p = predictions.scored(HOLDOUT)
    right = int(is_right(labels, p).sum())
    return _share("accuracy", right, p) if len(p) else None


def _uncertain(predictions: Predictions) -> dict[str, Any] | None:
    rows = predictions.rows(UNCERTAIN)
    p = predictions.p_elliptical[rows]
    called = int(((predictions.morphologies[rows] == NO_LABEL) & np.isfinite(p)).sum())
    return _share("fraction_uncertain", called, p) if len(p) else None


def _share(name: str, part: int, p: np.ndarray) -> dict[str, Any]:
    missing = int((~np.isfinite(p)).sum())
    return {name: part / len(p), "n": len(p), "interval": wilson(part, len(p)), "not_finite": missing}


def _out_of_fold(scores: OutOfFold | None) -> dict[str, Any] | None:
    if scores is None or not len(scores):
        return None
    return scored_numbers(np.array(scores.labels), np.array(scores.p_elliptical))


def _splits(predictions: Predictions) -> dict[str, dict[str, int]]:
    return {
        split: {
            name: int(((predictions.splits == place) & (predictions.labels == label)).sum())
            for label, name in CLASS_NAMES.items()
        }
        for place, split in enumerate(SPLITS)
    }


def _tfma(found: Mapping[str, float | None] | None, test: Mapping[str, Any]) -> dict[str, Any] | None:
    if not found:
        return None
    difference = {
        name: abs(value - test[name])
        for name, value in found.items()
        if value is not None and test.get(name) is not None
    }
    return {**found, "difference": difference}
