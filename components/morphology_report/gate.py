"""What the quality gate said, in words."""

import math
from typing import Any

import tensorflow_model_analysis as tfma

from components.model_evaluator.executor import why_not_evaluated

_WORDS = {"binary_accuracy": "accuracy", "auc": "AUC"}


def gate_result(evaluation_path: str, blessed: bool) -> dict[str, Any]:
    """Read the gate's verdict from the Evaluator's output.

    Parameters
    ----------
    evaluation_path : str
    blessed : bool
        Whether the model was blessed.

    Returns
    -------
    dict
        ``blessed``, and ``reasons``: one sentence for each failed threshold, with value and bound.
    """
    refused = why_not_evaluated(evaluation_path)
    if refused is not None:
        return {"blessed": False, "reasons": [refused]}
    validation = tfma.load_validation_result(evaluation_path)
    reasons = [
        _sentence(failure)
        for failures in validation.metric_validations_per_slice
        for failure in failures.failures
    ]
    if validation.missing_thresholds:
        reasons.append("the gate has no thresholds")
    if not blessed and not reasons:
        reasons.append("the model was not blessed, and the Evaluator gave no reason")
    return {"blessed": blessed, "reasons": reasons}


def _sentence(failure: Any) -> str:
    name = _WORDS.get(failure.metric_key.name, failure.metric_key.name)
    value = failure.metric_value.double_value.value
    known = failure.metric_value.HasField("double_value") and math.isfinite(value)
    if failure.metric_key.is_diff and not known:
        return f"{name} could not be compared with the published model's"
    if failure.metric_key.is_diff:
        allowed = -failure.metric_threshold.change_threshold.absolute.value
        return f"{name} is {-value:.4f} below the published model's, allowed {allowed:g}"
    bound = failure.metric_threshold.value_threshold.lower_bound.value
    if not known:
        return f"{name} could not be computed, must be at least {bound:g}"
    return f"{name} is {value:.4f}, must be at least {bound:g}"
