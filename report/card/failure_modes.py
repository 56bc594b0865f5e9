"""Known failure modes of the model, measured in this run."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from evaluation.comparison import SIGNIFICANCE
from evaluation.formats.predictions import Predictions
from preprocessing.features import NO_LABEL, TEST
from report.evidence.reading import Evidence
from report.html.formats import count_of, format_count
from report.topics import classes, suspects, uncertain
from report.topics import groups as group_topic
from report.topics.groups import FEW, SMALL_GROUP
from report.topics.holdout import holdout_text
from report.topics.novelty import novelty_text
from report.topics.words import share_of

PROPERTIES = {"magnitude": "magnitude", "size": "side of the stamp", "noise": "sky noise"}
"""Properties that are always listed; others only if they are known."""


@dataclass(frozen=True)
class Finding:
    """A failure mode and the result of this run on it."""

    title: str
    text: str


def failure_modes(evidence: Evidence, numbers: Mapping[str, Any]) -> list[Finding]:
    """Return the results of this run on each failure mode.

    Parameters
    ----------
    evidence : Evidence
    numbers : mapping
        See `report.topics.numbers.run_numbers`.

    Returns
    -------
    list of Finding
        Includes failure modes that did not occur, and those for which there are too few galaxies.
    """
    predictions = evidence.predictions
    return [
        Finding("Missing probabilities", _not_finite(predictions)),
        Finding("Classes", classes.card_text(numbers["test"])),
        Finding("Confident errors", _confident_errors(predictions)),
        *_groups(numbers),
        Finding("Galaxies labelled uncertain", uncertain.card_text(numbers["uncertain"], evidence.uncertain)),
        Finding("Galaxies unlike the training galaxies", novelty_text(numbers)),
        Finding("Holdout", holdout_text(numbers)),
        Finding("Labels", suspects.card_text(numbers.get("suspect_labels"), evidence.why_no_out_of_fold)),
    ]


def _not_finite(predictions: Predictions) -> str:
    evaluated, left_out = int(predictions.shown.sum()), int((~predictions.shown).sum())
    count = int((np.isnan(predictions.p_elliptical) & predictions.shown).sum())
    blank = (
        f" Not evaluated: {count_of(left_out, 'galaxy', 'galaxies')} with constant or missing flux."
        if left_out
        else ""
    )
    if not count:
        return f"None: all {format_count(evaluated)} galaxies of this run got a finite probability.{blank}"
    galaxies = count_of(evaluated, "galaxy", "galaxies")
    text = f"{format_count(count)} of {galaxies} got no finite probability."
    return f"{text} The gate refuses such a model.{blank}"


def _confident_errors(predictions: Predictions) -> str:
    rows = predictions.rows(TEST)
    called = predictions.morphologies[rows]
    sure = (called != NO_LABEL) & np.isfinite(predictions.p_elliptical[rows])
    if not sure.any():
        return "No test galaxy has a probability outside the decision interval."
    wrong = int((called != predictions.labels[rows])[sure].sum())
    n = int(sure.sum())
    counted = share_of(wrong, n, "test galaxies outside the decision interval")
    text = f"{counted} {'is' if wrong == 1 else 'are'} misclassified."
    return f"{text} {FEW}" if n < SMALL_GROUP else text


def _groups(numbers: Mapping[str, Any]) -> Iterator[Finding]:
    groups, test = numbers["groups"], numbers["test"]
    if not test["n"]:
        yield Finding("Magnitude, size, noise", "The test split is empty, so nothing was measured.")
        return
    tested = 0
    for key in dict.fromkeys((*PROPERTIES, *groups)):
        if key not in groups:
            title = PROPERTIES[key].capitalize()
            yield Finding(title, "It is not known for any test galaxy, so nothing was measured.")
            continue
        title = groups[key]["title"]
        yield Finding(_capitalized(title), group_topic.card_text(groups[key]))
        tested += len(groups[key]["groups"]) > 1
    if tested > 1:
        text = (
            f"{tested} properties were tested. Of twenty properties without influence, one is expected to"
            f" show p below {SIGNIFICANCE:g} by chance."
        )
        yield Finding("Multiple tests", text)


def _capitalized(title: str) -> str:
    return title[0].upper() + title[1:]
