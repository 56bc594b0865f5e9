"""The Evaluator's numbers, read from files that TFMA itself has written."""

import tfx  # noqa: F401  # isort: skip
import pandas as pd
import pytest
from tensorflow_model_analysis.api.model_eval_lib import analyze_raw_data
from tensorflow_model_analysis.proto.config_pb2 import (
    EvalConfig,
    MetricConfig,
    MetricsSpec,
    ModelSpec,
    SlicingSpec,
)

from components.model_evaluator import metrics
from components.morphology_report.evaluation import evaluation_scores

CONFIG = EvalConfig(
    model_specs=[ModelSpec(label_key="label", prediction_key="p")],
    slicing_specs=[SlicingSpec()],
    metrics_specs=[
        MetricsSpec(
            metrics=[
                MetricConfig(class_name="BinaryAccuracy"),
                MetricConfig(class_name="ExactAUC", module=metrics.__name__, config='{"name": "auc"}'),
            ]
        )
    ],
)


@pytest.mark.parametrize(("labels", "area"), [([0.0, 0.0, 1.0], 1.0), ([1.0, 1.0, 1.0], None)])
def test_what_is_no_number_is_not_known(tmp_path, labels, area):
    galaxies = pd.DataFrame({"label": labels, "p": [0.2, 0.3, 0.9]})
    analyze_raw_data(galaxies, CONFIG, output_path=str(tmp_path))
    found = evaluation_scores(str(tmp_path))
    assert found == {"accuracy": pytest.approx(1.0 if area else 1 / 3), "auc": area}
