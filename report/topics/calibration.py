"""Calibration of the probabilities, without and with temperature scaling."""

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
        Temperature of the exported model; None if it has none.

    Returns
    -------
    dict
        ``bins``; ``exported``, whether the exported model has a temperature; ``temperature``, that of the
        exported model or else the one fitted on the validation split, None if there is neither; ``problem``,
        why no temperature can be fitted on the validation split, or an empty string; ``n_validation``;
        ``without`` and ``with``, {ece, loss, curve} on the test split. ``with`` is None without a
        temperature. ``curve`` is that of `evaluation.calibration.reliability`.

    Notes
    -----
    The probabilities without the exported temperature are computed by scaling with its inverse. This is
    exact except for probabilities within `evaluation.calibration.CLIP` of 0 or 1.
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
    """Return the text under the reliability diagram.

    Parameters
    ----------
    numbers : mapping
        See `calibration_numbers`.
    interval : (float, float) or None
        Confidence interval of the calibration error of the exported model.

    Returns
    -------
    str
    """
    plain, scaled = numbers["without"], numbers["with"]
    exported = scaled if numbers["exported"] else plain
    if exported["ece"] is None:
        return "Some galaxies have no finite probability and are left out, so the ECE is not defined."
    ece = format_measure(exported["ece"])
    return f"The expected calibration error (ECE) is {ece}{within(interval)}. {_bins(exported['curve'])}"


def _bins(curve: Sequence[Mapping[str, Any]]) -> str:
    """Say how many bins deviate significantly from the diagonal, and in which direction."""
    off = off_diagonal(curve)
    total = count_of(len(curve), "bin")
    if not off:
        return f"None of {total} deviates significantly from the diagonal."
    # Overconfident: the probability is farther from 0.5 than the share of ellipticals.
    over = sum((bin_["mean_p"] - bin_["share"]) * (bin_["mean_p"] - 0.5) > 0 for bin_ in off)
    kind = "overconfident" if over == len(off) else "over- and underconfident" if over else "underconfident"
    verb = "deviates" if len(off) == 1 else "deviate"
    return f"{len(off)} of {total} {verb} significantly from the diagonal: there the model is {kind}."


def card_text(calibration: Mapping[str, Any], test: Mapping[str, Any]) -> Iterator[str]:
    """Yield the sentences of the model card on the calibration.

    Parameters
    ----------
    calibration, test : mapping
        See `calibration_numbers` and `report.topics.numbers.scored_numbers`.

    Yields
    ------
    str
    """
    if test["ece"] is None:
        yield (
            "Calibration: it was not measured, because the test split is empty or some of its galaxies have"
            " no finite probability."
        )
        return
    text = f"Calibration: the expected calibration error (ECE) is {format_measure(test['ece'], 3)}"
    scaled = calibration["with"]
    if scaled is None:
        yield f"{text}. No temperature can be fitted on the validation split: {calibration['problem']}."
        return
    temperature = f"{calibration['temperature']:.3g}"
    if calibration["exported"]:
        without = format_measure(calibration["without"]["ece"], 3)
        yield f"{text}. The model applies the temperature {temperature}; without it, the ECE is {without}."
    else:
        yield (
            f"{text}. The model has no temperature; with the temperature {temperature}, fitted on the"
            f" validation split, the ECE is {format_measure(scaled['ece'], 3)}."
        )
