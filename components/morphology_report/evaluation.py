"""What TFX's Evaluator has measured."""

import math

import tensorflow_model_analysis as tfma

from components.model_evaluator.executor import why_not_evaluated

_NAMES = {"binary_accuracy": "accuracy", "auc": "auc"}


def evaluation_scores(evaluation_path: str) -> dict[str, float | None]:
    """Read the Evaluator's accuracy and AUC of the test split.

    Parameters
    ----------
    evaluation_path : str

    Returns
    -------
    dict
        ``accuracy`` and ``auc``; None where there is no such number.
    """
    if why_not_evaluated(evaluation_path) is not None:
        return dict.fromkeys(_NAMES.values())
    result = tfma.load_eval_result(evaluation_path)
    found = result.get_metrics_for_slice() or {}
    return {ours: _number(found.get(theirs, {}).get("doubleValue")) for theirs, ours in _NAMES.items()}


def _number(value: float | str | None) -> float | None:
    # TFMA writes what is not finite as words, as JSON must: "NaN".
    number = None if value is None else float(value)
    return number if number is not None and math.isfinite(number) else None
