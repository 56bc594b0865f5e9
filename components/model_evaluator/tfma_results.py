"""TensorFlow Model Analysis of a table of predictions: written for TFMA's viewers, and read for the report.

TFMA gets the probabilities that `PredictionGen` wrote and loads no model, so its scores use the same
predictions as gate and report.
"""

import math

import apache_beam as beam
import numpy as np
import pyarrow as pa
import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.proto import config_pb2

from evaluation.formats.predictions import Predictions
from preprocessing.features import LABEL, TEST

CANDIDATE, PUBLISHED = "candidate", "published"
"""Names of the models, if there are two."""

_NAMES = {"binary_accuracy": "accuracy", "auc": "auc"}
_METRICS = (
    "ExampleCount",
    "BinaryAccuracy",
    "ExactAUC",
    "AUCPrecisionRecall",
    "Precision",
    "Recall",
    "BinaryCrossEntropy",
    "CalibrationPlot",
    "ConfusionMatrixPlot",
)


def write_tfma(
    pipeline: beam.Pipeline, candidate: Predictions, published: Predictions | None, path: str
) -> None:
    """Evaluate the predictions for the test split with TFMA.

    Parameters
    ----------
    pipeline : beam.Pipeline
    candidate : Predictions
        All finite on the test split.
    published : Predictions or None
        Predictions for the same test galaxies, all finite; None if there is no published model.
    path : str
        Output folder, which `tensorflow_model_analysis.load_eval_result` reads.
    """
    rows = candidate.rows(TEST)
    models = {CANDIDATE: candidate.p_elliptical[rows]}
    if published is not None:
        names = [candidate.names[int(row)].as_py() for row in rows]
        found = published.find(names)
        models[PUBLISHED] = published.p_elliptical[[found[name] for name in names]]
    columns = {LABEL: candidate.labels[rows].astype(np.float32)}
    columns |= {name: p.astype(np.float32) for name, p in models.items()}
    # TFMA's features are lists; here each has one number.
    lists = [pa.array(column[:, None].tolist(), pa.list_(pa.float32())) for column in columns.values()]
    _ = (
        pipeline
        | "Answers" >> beam.Create([pa.RecordBatch.from_arrays(lists, list(columns))])
        | "Evaluate"
        >> tfma.ExtractEvaluateAndWriteResults(eval_config=tfma_config(list(models)), output_path=path)
    )


def tfma_config(models: list[str]) -> config_pb2.EvalConfig:
    """Return the configuration of TFMA, which has metrics but no thresholds.

    Parameters
    ----------
    models : list of str
        `CANDIDATE`, and `PUBLISHED` if there is a published model.

    Returns
    -------
    config_pb2.EvalConfig
    """
    several = len(models) > 1
    specs = [
        config_pb2.ModelSpec(
            name=name if several else "",
            prediction_key=name,
            label_key=LABEL,
            is_baseline=name == PUBLISHED,
        )
        for name in models
    ]
    ours = {"ExactAUC": "components.model_evaluator.metrics"}
    metrics = [config_pb2.MetricConfig(class_name=name, module=ours.get(name)) for name in _METRICS]
    return config_pb2.EvalConfig(
        model_specs=specs,
        slicing_specs=[config_pb2.SlicingSpec()],
        metrics_specs=[config_pb2.MetricsSpec(metrics=metrics, model_names=models if several else [])],
    )


def read_tfma(path: str) -> dict[str, float | None]:
    """Read TFMA's accuracy and AUC of the candidate on the test split.

    Parameters
    ----------
    path : str
        As given to `write_tfma`.

    Returns
    -------
    dict
        ``accuracy`` and ``auc``; None if not defined.
    """
    result = tfma.load_eval_result(path)
    if len(result.config.model_specs) > 1:  # the results of one model have no name
        result = tfma.load_eval_result(path, model_name=CANDIDATE)
    found = result.get_metrics_for_slice() or {}
    return {ours: _number(found.get(theirs, {}).get("doubleValue")) for theirs, ours in _NAMES.items()}


def _number(value: float | str | None) -> float | None:
    # TFMA writes numbers that are not finite as text, such as "NaN".
    number = None if value is None else float(value)
    return number if number is not None and math.isfinite(number) else None
