"""The numbers of a run, as they stand in ``metrics.json``."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn import metrics

from components.morphology_report.predictions import Scores
from preprocessing.features import CLASS_NAMES, ELLIPTICAL, HOLDOUT, NO_LABEL, SPIRAL, TEST, UNCERTAIN

DECISION = 0.5
"""Probability of elliptical above which a galaxy counts as elliptical where accuracy is computed."""


def classification_metrics(scores: Scores) -> dict[str, Any]:
    """Return accuracy, AUC, loss and confusion matrix.

    Parameters
    ----------
    scores : Scores
        With both classes.

    Returns
    -------
    dict
        ``accuracy``, ``auc`` (area under the ROC curve; None with one class only), ``loss`` (binary
        cross-entropy), ``n``, ``confusion_matrix`` ([[spiral as spiral, spiral as elliptical], [elliptical as
        spiral, elliptical as elliptical]]), ``precision``, ``recall`` (of ellipticals), ``auc_pr``.
    """
    labels = np.asarray(scores.labels)
    probabilities = np.asarray(scores.p_elliptical)
    called = (probabilities > DECISION).astype(int)
    both = len(set(scores.labels)) == 2
    return {
        "accuracy": float(metrics.accuracy_score(labels, called)),
        "auc": float(metrics.roc_auc_score(labels, probabilities)) if both else None,
        "auc_pr": float(metrics.average_precision_score(labels, probabilities)) if both else None,
        "loss": float(metrics.log_loss(labels, probabilities, labels=[SPIRAL, ELLIPTICAL])),
        "precision": float(metrics.precision_score(labels, called, zero_division=0)),
        "recall": float(metrics.recall_score(labels, called, zero_division=0)),
        "n": len(labels),
        "confusion_matrix": metrics.confusion_matrix(labels, called, labels=[SPIRAL, ELLIPTICAL]).tolist(),
    }


def run_metrics(scores: Mapping[str, Scores]) -> dict[str, Any]:
    """Return the metrics of every split that is there.

    Parameters
    ----------
    scores : mapping of str to Scores
        By split.

    Returns
    -------
    dict
        ``test`` (see `classification_metrics`), ``holdout`` {accuracy, n} or None, ``uncertain``
        {fraction_uncertain, n} or None.
    """
    holdout = uncertain = None
    if HOLDOUT in scores:
        every = scores[HOLDOUT]
        right = np.mean((np.asarray(every.p_elliptical) > DECISION) == np.asarray(every.labels))
        holdout = {"accuracy": float(right), "n": len(every.labels)}
    if UNCERTAIN in scores:
        called = scores[UNCERTAIN].morphologies
        share = called.count(CLASS_NAMES[NO_LABEL]) / len(called)
        uncertain = {"fraction_uncertain": share, "n": len(called)}
    return {
        "test": classification_metrics(scores[TEST]),
        "holdout": holdout,
        "uncertain": uncertain,
    }
