"""Whether a precision that was reached on the validation split holds on the test split."""

from collections.abc import Mapping, Sequence
from typing import Any

from preprocessing.features import CLASS_NAMES, ELLIPTICAL, SPIRAL


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
