"""What the Evaluator measures, and what the gate asks of it."""

import tensorflow_model_analysis as tfma

from pipeline.config import GateSettings
from preprocessing.features import LABEL


def evaluation_config(gate: GateSettings) -> tfma.EvalConfig:
    """Return what the Evaluator measures, and the gate.

    Parameters
    ----------
    gate : GateSettings

    Returns
    -------
    tfma.EvalConfig
        Thresholds on accuracy and AUC; accuracy also against the published model, where there is one.
    """
    accuracy = tfma.MetricThreshold(
        value_threshold=tfma.GenericValueThreshold(lower_bound={"value": gate.min_accuracy}),
        change_threshold=tfma.GenericChangeThreshold(
            direction=tfma.MetricDirection.HIGHER_IS_BETTER, absolute={"value": -gate.max_accuracy_drop}
        ),
    )
    auc = tfma.MetricThreshold(
        value_threshold=tfma.GenericValueThreshold(lower_bound={"value": gate.min_auc})
    )
    thresholds = {"BinaryAccuracy": accuracy, "ExactAUC": auc}
    names = (
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
    ours = {"ExactAUC": "components.model_evaluator.metrics"}
    metrics = [
        tfma.MetricConfig(class_name=name, module=ours.get(name), threshold=thresholds.get(name))
        for name in names
    ]
    model = tfma.ModelSpec(signature_name="serving_default", prediction_key="p_elliptical", label_key=LABEL)
    return tfma.EvalConfig(
        model_specs=[model],
        slicing_specs=[tfma.SlicingSpec()],
        metrics_specs=[tfma.MetricsSpec(metrics=metrics)],
    )
