"""The interval of probabilities that is called uncertain: the fixed one, and one chosen from data."""

from dataclasses import asdict
from typing import Any

from evaluation.decision import interval_scores, smallest_interval
from evaluation.formats.predictions import Predictions
from preprocessing.features import TEST, VALIDATION


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
