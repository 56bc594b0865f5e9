"""The decision interval: the configured one, and the smallest one that reaches a precision."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from evaluation.decision import interval_scores, smallest_interval
from evaluation.formats.predictions import Predictions
from preprocessing.features import CLASS_NAMES, ELLIPTICAL, SPIRAL, TEST, VALIDATION
from report.html.formats import format_count, format_percent


def decision_numbers(
    predictions: Predictions, uncertain: tuple[float, float], precision: float
) -> dict[str, Any]:
    """Return the scores of the configured and of a fitted decision interval on the test split.

    Parameters
    ----------
    predictions : Predictions
    uncertain : (float, float)
        The configured interval.
    precision : float
        Precision that both classes must reach on the validation split with the fitted interval.

    Returns
    -------
    dict
        ``precision``; ``fixed``, the configured interval {low, high, test}; ``chosen``, the fitted one {low,
        high, share_uncertain, n, test}, None if no interval reaches the precision. ``test`` is the result of
        `evaluation.decision.interval_scores`.
    """
    test = predictions.scored(TEST)
    low, high = uncertain
    found = smallest_interval(*predictions.scored(VALIDATION), precision)
    return {
        "precision": precision,
        "fixed": {"low": low, "high": high, "test": interval_scores(*test, low, high)},
        "chosen": None
        if found is None
        else {**asdict(found), "test": interval_scores(*test, found.low, found.high)},
    }


def precision_text(test: Mapping[str, Any], wanted: float) -> str:
    """Say whether both classes reach a precision, judged by their confidence intervals.

    Parameters
    ----------
    test : mapping
        See `evaluation.decision.interval_scores`.
    wanted : float

    Returns
    -------
    str
        The end of a sentence that begins with the precision. It is reached if the whole confidence interval
        is at or above it, and not reached if the whole interval is below it.
    """
    intervals = (test[f"interval_{CLASS_NAMES[label]}"] for label in (SPIRAL, ELLIPTICAL))
    spirals, ellipticals = (_verdict(interval, wanted) for interval in intervals)
    if spirals == ellipticals:
        return f"{spirals} for both classes"
    return f"{spirals} for spirals and {ellipticals} for ellipticals"


def _verdict(interval: Sequence[float] | None, wanted: float) -> str:
    if interval is None:
        return "is not known"
    low, high = interval
    return (
        "is reached" if low >= wanted else "is not reached" if high < wanted else "may or may not be reached"
    )


def card_text(decision: Mapping[str, Any]) -> Iterator[str]:
    """Yield the sentences of the model card on the configured and the fitted decision interval.

    Parameters
    ----------
    decision : mapping
        See `decision_numbers`.

    Yields
    ------
    str
    """
    fixed, chosen = decision["fixed"], decision["chosen"]
    if not fixed["test"]["n"]:
        return
    yield f"Probabilities called uncertain: {_interval(fixed)}."
    precision = f"{decision['precision']:g}"
    if chosen is not None and chosen["low"] == chosen["high"]:
        yield (
            f"On the validation split both classes reach a precision of {precision} with a single threshold"
            f" at {chosen['low']:.3g}; no galaxy needs to be called uncertain."
        )
    elif chosen is None:
        yield f"No interval gives both classes a precision of {precision} on the validation split."
    else:
        yield (
            f"The smallest interval with which both classes reach a precision of {precision} on the"
            f" validation split is {_interval(chosen)}."
        )
    if chosen is not None:
        reached = precision_text(chosen["test"], decision["precision"])
        yield f"Judged by the 95 % Wilson intervals on the test split, this precision {reached}."


def _interval(entry: Mapping[str, Any]) -> str:
    test = entry["test"]
    return (
        f"{entry['low']:.3g} to {entry['high']:.3g}, which is {format_percent(test['share_uncertain'])} of"
        f" the test galaxies. Of the {format_count(test['n_spiral'])} test galaxies below it,"
        f" {format_percent(test['precision_spiral'])} are spiral; of the {format_count(test['n_elliptical'])}"
        f" above it, {format_percent(test['precision_elliptical'])} are elliptical"
    )
