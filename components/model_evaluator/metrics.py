"""The exact area under the ROC curve, for TFMA.

TFMA's own AUC sums over thresholds and does not rank probabilities between the same two thresholds, so it
differs from the AUC of gate and report.
"""

from collections.abc import Iterable

import apache_beam as beam
import numpy as np
from tensorflow_model_analysis.metrics import metric_types, metric_util
from tensorflow_model_analysis.proto import config_pb2

from evaluation.scores import classification_scores

Accumulator = list[tuple[float, float]]


class ExactAUC(metric_types.Metric):
    """Area under the ROC curve (`evaluation.scores.classification_scores`); NaN with one class only.

    It keeps label and probability of every evaluated galaxy in memory, about 150 bytes each.

    Parameters
    ----------
    name : str
    """

    def __init__(self, name: str = "auc") -> None:
        super().__init__(metric_util.merge_per_key_computations(_computations), name=name)


def _computations(
    name: str = "auc",
    eval_config: config_pb2.EvalConfig | None = None,
    model_name: str = "",
    output_name: str = "",
    **_: object,
) -> metric_types.MetricComputations:
    key = metric_types.MetricKey(name=name, model_name=model_name, output_name=output_name)
    combiner = _Collect(key, eval_config)
    return [metric_types.MetricComputation(keys=[key], preprocessors=None, combiner=combiner)]


class _Collect(beam.CombineFn):
    """Collects labels and probabilities, and computes the area at the end."""

    def __init__(self, key: metric_types.MetricKey, eval_config: config_pb2.EvalConfig | None) -> None:
        self._key = key
        self._eval_config = eval_config

    def create_accumulator(self) -> Accumulator:
        return []

    def add_input(self, accumulator: Accumulator, element: metric_types.StandardMetricInputs) -> Accumulator:
        found = metric_util.to_label_prediction_example_weight(
            element,
            eval_config=self._eval_config,
            model_name=self._key.model_name,
            output_name=self._key.output_name,
        )
        for label, prediction, _ in found:
            accumulator.append((np.asarray(label).item(), np.asarray(prediction).item()))
        return accumulator

    def merge_accumulators(self, accumulators: Iterable[Accumulator]) -> Accumulator:
        return [pair for accumulator in accumulators for pair in accumulator]

    def extract_output(self, accumulator: Accumulator) -> dict[metric_types.MetricKey, float]:
        labels, probabilities = zip(*accumulator, strict=True) if accumulator else ((), ())
        area = classification_scores(labels, probabilities)["auc"]
        return {self._key: float("nan") if area is None else area}
