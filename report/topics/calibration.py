"""Whether the probabilities mean what they say, and what a temperature does."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from evaluation.calibration import (
    CALIBRATION_BINS,
    calibration_error,
    fit_temperature,
    off_diagonal,
    reliability,
    temperature_problem,
    with_temperature,
)
from evaluation.formats.predictions import Predictions
from evaluation.scores import classification_scores
from preprocessing.features import TEST, VALIDATION
from report.html.formats import count_of, format_measure
from report.topics.words import within


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


def figure_text(numbers: Mapping[str, Any], interval: Sequence[float] | None) -> str:
    """Say under the calibration curve how far off the probabilities are.

    Parameters
    ----------
    numbers : mapping
        See `calibration_numbers`.
    interval : (float, float) or None
        Of the calibration error of the exported model.

    Returns
    -------
    str
    """
    plain, scaled = numbers["without"], numbers["with"]
    exported = scaled if numbers["exported"] else plain
    if exported["ece"] is None:
        return "Some galaxies have no finite probability and are left out; there is no calibration error."
    where = _where(exported["curve"])
    off = format_measure(exported["ece"])
    return f"On average a probability is off by {off}{within(interval)}; {where}"


def _where(curve: Sequence[Mapping[str, Any]]) -> str:
    """Say which bins lie off the diagonal by more than chance."""
    off = off_diagonal(curve)
    if not off:
        return f"no bin lies farther off the diagonal than chance explains in {count_of(len(curve), 'bin')}."
    # Beyond one half, too sure means farther from it than the share is.
    sure = sum((bin_["mean_p"] - bin_["share"]) * (bin_["mean_p"] - 0.5) > 0 for bin_ in off)
    kind = "too sure" if sure == len(off) else "not sure enough" if not sure else "off to either side"
    bins = f"{len(off)} of {count_of(len(curve), 'bin')} {'lies' if len(off) == 1 else 'lie'}"
    return f"{bins} farther off the diagonal than chance explains in so many, and there the model is {kind}."


def card_text(calibration: Mapping[str, Any], test: Mapping[str, Any]) -> Iterator[str]:
    """Say on the model card how far off the probabilities are, and what a temperature would do.

    Parameters
    ----------
    calibration, test : mapping
        See `calibration_numbers` and `report.topics.numbers.scored_numbers`.

    Yields
    ------
    str
    """
    if test["ece"] is None:
        yield "Calibration: it cannot be measured, for want of test galaxies with finite probabilities."
        return
    text = f"Calibration: on average a probability is off by {format_measure(test['ece'], 3)}"
    scaled = calibration["with"]
    if scaled is None:
        yield f"{text}. No temperature can be fitted on the validation split: {calibration['problem']}."
        return
    temperature = f"the temperature {calibration['temperature']:.3g}"
    if calibration["exported"]:
        without = format_measure(calibration["without"]["ece"], 3)
        yield f"{text}. The model carries {temperature}; without it, it would be {without}."
    else:
        yield (
            f"{text}. The model carries no temperature; with {temperature}, fitted on the validation split,"
            f" it would be {format_measure(scaled['ece'], 3)}."
        )
