"""How unlike the training galaxies the galaxies of each split are."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from evaluation.formats.catalogue import UNLIKE_FROM
from evaluation.formats.predictions import Predictions
from evaluation.intervals import wilson
from preprocessing.features import HOLDOUT, SPLITS, TEST, UNCERTAIN
from report.html.formats import format_percent
from report.topics.words import share_of

SHOWN_SPLITS = (TEST, UNCERTAIN, HOLDOUT)
"""Splits that the network did not learn from."""


def novelty_numbers(predictions: Predictions) -> dict[str, Any] | None:
    """Return the distances of galaxies from the training galaxies.

    Parameters
    ----------
    predictions : Predictions

    Returns
    -------
    dict or None
        ``limit`` (`UNLIKE_FROM`), and ``splits``: by split ``n``, ``unlike`` (galaxies with at least that
        novelty), ``fraction_unlike``, ``interval`` (Wilson), ``median_distance``, ``largest_distance``. None
        if the model does not measure them.
    """
    known = np.isfinite(predictions.novelty)
    if not known.any():
        return None
    found = {}
    for place, split in enumerate(SPLITS):
        rows = np.flatnonzero(known & (predictions.splits == place))
        if split not in SHOWN_SPLITS or not len(rows):
            continue
        unlike = int((predictions.novelty[rows] >= UNLIKE_FROM).sum())
        found[split] = {
            "n": len(rows),
            "unlike": unlike,
            "fraction_unlike": unlike / len(rows),
            "interval": wilson(unlike, len(rows)),
            "median_distance": float(np.median(predictions.novelty_distance[rows])),
            "largest_distance": float(predictions.novelty_distance[rows].max()),
        }
    return {"limit": UNLIKE_FROM, "splits": found}


def novelty_text(numbers: Mapping[str, Any]) -> str:
    """Say which share of test galaxies, and of galaxies labelled uncertain, is unlike the training galaxies.

    Parameters
    ----------
    numbers : mapping
        See `report.topics.numbers.run_numbers`.

    Returns
    -------
    str
    """
    found = numbers["novelty"]
    if found is None:
        return "The model does not measure how unlike the training galaxies a picture is."
    splits = found["splits"]
    if TEST not in splits:
        return "The test split is empty, so nothing was measured."
    test = splits[TEST]
    text = (
        f"{share_of(test['unlike'], test['n'], 'test galaxies')} have a novelty of {UNLIKE_FROM:g} or more;"
        " 1 % is expected."
    )
    if UNCERTAIN in splits:
        other = splits[UNCERTAIN]
        text = f"{text} Of the galaxies labelled uncertain, {format_percent(other['fraction_unlike'])} have."
    return text
