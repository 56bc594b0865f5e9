"""Whether the probabilities mean what they say, and what a temperature does."""

from typing import Any

import numpy as np

from evaluation.calibration import (
    CALIBRATION_BINS,
    calibration_error,
    fit_temperature,
    reliability,
    temperature_problem,
    with_temperature,
)
from evaluation.formats.predictions import Predictions
from evaluation.scores import classification_scores
from preprocessing.features import TEST, VALIDATION


def calibration_numbers(predictions: Predictions, temperature: float | None) -> dict[str, Any]:
    """Return the calibration on the test split, without and with a temperature.

    Parameters
    ----------
    predictions : Predictions
        Of the exported model.
    temperature : float or None
        That the exported model scales its probabilities by; None: by none.

    Returns
    -------
    dict
        ``bins``; ``exported`` (whether the model carries the temperature); ``temperature``, the exported one
        or else the one fitted on the validation split, None if neither can be had; ``problem``, why none can
        be fitted on the validation split, or an empty text; ``n_validation``; ``without`` and ``with``,
        {ece, loss, curve} on the test split, the latter None where there is no temperature.
        ``curve`` is that of `evaluation.calibration.reliability`.

    Notes
    -----
    A temperature is undone by its inverse, but for probabilities nearer to 0 or 1 than
    `evaluation.calibration.CLIP`.
    """
    labels, p = predictions.scored(TEST)
    validation = predictions.scored(VALIDATION)
    problem = temperature_problem(*validation)
    exported = temperature is not None
    plain: np.ndarray = p
    scaled: np.ndarray | None = None
    if temperature is not None:
        plain, scaled = with_temperature(p, 1 / temperature), p
    elif not problem:
        temperature = fit_temperature(*validation)
        scaled = with_temperature(p, temperature)
    return {
        "bins": CALIBRATION_BINS,
        "exported": exported,
        "temperature": temperature,
        "problem": problem,
        "n_validation": int(np.isfinite(validation[1]).sum()),
        "without": _calibration(labels, plain),
        "with": None if scaled is None else _calibration(labels, scaled),
    }


def _calibration(labels: np.ndarray, p: np.ndarray) -> dict[str, Any]:
    return {
        "ece": calibration_error(labels, p),
        "loss": classification_scores(labels, p)["loss"],
        "curve": reliability(labels, p),
    }
