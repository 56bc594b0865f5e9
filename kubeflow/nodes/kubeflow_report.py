"""KubeflowReport: the report in the user interface of Kubeflow Pipelines."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.metrics import roc_curve
from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component

from components.artifacts import MorphologyReport
from evaluation.formats.predictions import PREDICTIONS, read_predictions
from kubeflow.nodes.artifacts import HTML, ClassificationMetrics, Metrics
from preprocessing.features import CLASS_NAMES, ELLIPTICAL, SPIRAL, TEST

ROC_POINTS = 200
"""More points would not be seen, and metadata are read with every listing of artifacts."""


@component
def KubeflowReport(
    report: InputArtifact[MorphologyReport],
    page: OutputArtifact[HTML],
    metrics: OutputArtifact[Metrics],
    confusion_matrix: OutputArtifact[ClassificationMetrics],
    roc: OutputArtifact[ClassificationMetrics],
    code: Parameter[str],
) -> None:
    """Write page and figures of the report as Kubeflow Pipelines shows them.

    Parameters
    ----------
    report : MorphologyReport
    page : HTML
        ``index.html`` of the report, which needs no other file.
    metrics : Metrics
        The numbers of `shown_metrics`.
    confusion_matrix, roc : ClassificationMetrics
        Of the test split.
    code : str
        Fingerprint of our own code, for the cache.
    """
    folder = Path(report.uri)
    Path(page.uri).parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(folder / "index.html", page.uri)
    numbers = json.loads((folder / "metrics.json").read_text())
    for name, value in shown_metrics(numbers).items():
        metrics.set_json_value_custom_property(name, value)
    confusion_matrix.set_json_value_custom_property("confusionMatrix", confusion_matrix_of(numbers))
    table = read_predictions(folder / PREDICTIONS)
    labels, probabilities = table.scored(TEST)
    roc.set_json_value_custom_property("confidenceMetrics", roc_points(labels, probabilities))
    for artifact in (metrics, confusion_matrix, roc):
        Path(artifact.uri).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(folder / "metrics.json", artifact.uri)


def shown_metrics(metrics: Mapping[str, Any]) -> dict[str, float | str]:
    """Return the numbers by which runs are compared.

    Parameters
    ----------
    metrics : mapping
        Content of ``metrics.json``.

    Returns
    -------
    dict of float or str
        Numbers that a run does not have, and those that are not finite, are left out.
    """
    test, folds = metrics["test"], metrics["cross_validation"] or {}
    shown = {
        **{name: test[name] for name in ("accuracy", "auc", "auc_pr", "loss", "precision", "recall", "ece")},
        "test_galaxies": test["n"],
        **{f"cross_validation_{name}": folds.get(name) for name in ("accuracy_mean", "accuracy_std")},
        **{f"cross_validation_{name}": folds.get(name) for name in ("auc_mean", "loss_mean")},
        "holdout_accuracy": (metrics["holdout"] or {}).get("accuracy"),
        "uncertain_fraction": (metrics["uncertain"] or {}).get("fraction_uncertain"),
    }
    numbers = {
        name: float(value) for name, value in shown.items() if value is not None and np.isfinite(value)
    }
    version = metrics["pushed_version"]
    return {**numbers, "published_version": str(version) if version else "none"}


def confusion_matrix_of(metrics: Mapping[str, Any]) -> dict[str, Any]:
    """Return the confusion matrix of the test split, with true classes as rows."""
    return {
        "annotationSpecs": [{"displayName": CLASS_NAMES[label]} for label in (SPIRAL, ELLIPTICAL)],
        "rows": [{"row": [float(count) for count in row]} for row in metrics["test"]["confusion_matrix"]],
    }


def roc_points(labels: np.ndarray, probabilities: np.ndarray) -> list[dict[str, float]]:
    """Return at most `ROC_POINTS` points of the ROC curve.

    Parameters
    ----------
    labels : ndarray, shape (N,), int
        0 spiral, 1 elliptical.
    probabilities : ndarray, shape (N,), float
        Of elliptical; rows that are not finite are left out.

    Returns
    -------
    list of dict
        ``confidenceThreshold``, ``recall``, ``falsePositiveRate``; empty if a class is missing.
    """
    finite = np.isfinite(probabilities)
    labels, probabilities = labels[finite], probabilities[finite]
    if len(set(labels.tolist())) < 2:
        return []
    false, true, thresholds = roc_curve(labels, probabilities)
    kept = np.unique(np.linspace(0, len(false) - 1, ROC_POINTS).round().astype(int))
    # scikit-learn's first threshold is infinite, which JSON cannot hold.
    return [
        {
            "confidenceThreshold": float(min(thresholds[index], 1.0)),
            "recall": float(true[index]),
            "falsePositiveRate": float(false[index]),
        }
        for index in kept
    ]
