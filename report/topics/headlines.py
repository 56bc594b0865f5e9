"""The numbers that a run is judged by."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Headline:
    """One of the numbers that a run is judged by.

    Attributes
    ----------
    title : str
    value : float or None
    interval : (float, float) or None
    how : str
        Where the interval is from.
    meaning : str
    n : int or None
        Galaxies; None where not even their number is known.
    """

    title: str
    value: float | None
    interval: tuple[float, float] | None
    how: str
    meaning: str
    n: int | None


def headlines(numbers: Mapping[str, Any]) -> list[Headline]:
    """Return the numbers that a run is judged by, each with its interval.

    Parameters
    ----------
    numbers : mapping
        See `report.topics.numbers.run_numbers`.

    Returns
    -------
    list of Headline
    """
    test = numbers["test"]
    meanings = {
        "accuracy": ("accuracy", "test galaxies that are called what their label says"),
        "auc": ("AUC", "chance that an elliptical gets a higher probability than a spiral"),
        "auc_pr": ("average precision", "area under the precision-recall curve of ellipticals"),
        "precision": ("precision", "galaxies called elliptical that are"),
        "recall": ("recall", "ellipticals that are called so"),
        "loss": ("loss", "binary cross-entropy; 0.693 is guessing"),
        "ece": ("ECE", "expected calibration error: how far a probability is off on average"),
    }
    rows = [
        Headline(title, test[key], *_interval(test, key), meaning, test["n"])
        for key, (title, meaning) in meanings.items()
    ]
    pooled = numbers["out_of_fold"]
    title = "out-of-fold accuracy"
    meaning = "the same of all galaxies of the folds, each by the one that has not seen it"
    if pooled is not None:
        interval = _interval(pooled, "accuracy")
        rows.append(Headline(title, pooled["accuracy"], *interval, meaning, pooled["n"]))
    elif numbers["cross_validation"]:
        rows.append(Headline(title, None, None, "–", meaning, None))
    holdout, uncertain = numbers["holdout"], numbers["uncertain"]
    if holdout is not None:
        meaning = "share classified correctly of the galaxies left out to balance the classes"
        rows.append(
            Headline(
                "holdout accuracy", holdout["accuracy"], holdout["interval"], "Wilson", meaning, holdout["n"]
            )
        )
    if uncertain is not None:
        meaning = "share of the galaxies labelled uncertain that the model calls uncertain, too"
        share, interval = uncertain["fraction_uncertain"], uncertain["interval"]
        rows.append(Headline("called uncertain", share, interval, "Wilson", meaning, uncertain["n"]))
    return rows


def _interval(scores: Mapping[str, Any], name: str) -> tuple[tuple[float, float] | None, str]:
    """Return the interval of a score, and where it is from."""
    return scores["intervals"][name], scores["intervals_by"][name] or "–"
