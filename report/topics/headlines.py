"""Headline numbers of a run."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Headline:
    """A headline number.

    Attributes
    ----------
    title : str
    value : float or None
    interval : (float, float) or None
    how : str
        Method of the interval.
    meaning : str
    n : int or None
        Number of galaxies; None if it is not known.
    """

    title: str
    value: float | None
    interval: tuple[float, float] | None
    how: str
    meaning: str
    n: int | None


def headlines(numbers: Mapping[str, Any]) -> list[Headline]:
    """Return the headline numbers of a run, each with its interval.

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
        "accuracy": ("accuracy", "share of test galaxies classified correctly"),
        "auc": ("AUC", "area under the ROC curve; 1 separates the classes perfectly, 0.5 is guessing"),
        "auc_pr": ("average precision", "area under the precision-recall curve of ellipticals"),
        "precision": ("precision", "share of galaxies called elliptical that are elliptical"),
        "recall": ("recall", "share of ellipticals that are called elliptical"),
        "loss": ("loss", "binary cross-entropy; 0.693 is guessing"),
        "ece": (
            "ECE",
            "expected calibration error: mean distance of probabilities from the share of ellipticals",
        ),
    }
    rows = [
        Headline(title, test[key], *_interval(test, key), meaning, test["n"])
        for key, (title, meaning) in meanings.items()
    ]
    pooled = numbers["out_of_fold"]
    title = "out-of-fold accuracy"
    meaning = "accuracy in cross-validation; each galaxy is classified by the fold that held it out"
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
        meaning = "share of the galaxies labelled uncertain that the model also calls uncertain"
        share, interval = uncertain["fraction_uncertain"], uncertain["interval"]
        rows.append(Headline("called uncertain", share, interval, "Wilson", meaning, uncertain["n"]))
    return rows


def _interval(scores: Mapping[str, Any], name: str) -> tuple[tuple[float, float] | None, str]:
    """Return the interval of a score, and its method."""
    return scores["intervals"][name], scores["intervals_by"][name] or "–"
