"""The interval of probabilities that is called uncertain: the fixed one, and one chosen from data."""

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
    """Return what the fixed interval leaves on the test split, and what one chosen from data does.

    Parameters
    ----------
    predictions : Predictions
    uncertain : (float, float)
        The fixed interval.
    precision : float
        Least precision of both classes, on the validation split, by which the other is chosen.

    Returns
    -------
    dict
        ``precision``; ``fixed`` {low, high, test}; ``chosen`` {low, high, share_uncertain, n, test}, or None
        where no interval reaches the precision. ``test`` is that of `evaluation.decision.interval_scores`.
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
    """Say whether the precision of both classes reaches what was wanted, judged by their intervals.

    Parameters
    ----------
    test : mapping
        See `evaluation.decision.interval_scores`.
    wanted : float

    Returns
    -------
    str
        The end of a sentence that begins with the precision. It holds where the whole interval reaches it,
        and does not where nothing of the interval does; otherwise neither can be told.
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
    return "holds" if low >= wanted else "does not hold" if high < wanted else "may or may not hold"


def card_text(decision: Mapping[str, Any]) -> Iterator[str]:
    """Say on the model card what the fixed interval gives, and what one chosen from data would.

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
    yield f"Called uncertain: {_interval(fixed)}."
    precision = f"{decision['precision']:g}"
    if chosen is not None and chosen["low"] == chosen["high"]:
        yield (
            f"On the validation split both classes reach a precision of {precision} without calling any"
            f" galaxy uncertain, divided at {chosen['low']:.3g}."
        )
    elif chosen is None:
        yield f"No interval lets both classes reach a precision of {precision} on the validation split."
    else:
        yield (
            f"The smallest interval by which both classes reach a precision of {precision} on the validation"
            f" split is {_interval(chosen)}."
        )
    if chosen is not None:
        held = precision_text(chosen["test"], decision["precision"])
        yield f"By the 95 % Wilson intervals of the test split, that precision {held}."


def _interval(entry: Mapping[str, Any]) -> str:
    test = entry["test"]
    return (
        f"{entry['low']:.3g} to {entry['high']:.3g}, that is {format_percent(test['share_uncertain'])} of the"
        f" test galaxies; of the {format_count(test['n_spiral'])} below it"
        f" {format_percent(test['precision_spiral'])} are spiral, of the {format_count(test['n_elliptical'])}"
        f" above {format_percent(test['precision_elliptical'])} elliptical"
    )
