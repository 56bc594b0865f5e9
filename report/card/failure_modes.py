"""Where the model fails, as far as this run has shown it: groups, classes, objects between the classes."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from evaluation.comparison import SIGNIFICANCE
from evaluation.formats.predictions import Predictions
from preprocessing.features import NO_LABEL, TEST
from report.evidence.reading import Evidence
from report.html.formats import count_of, format_count
from report.topics import between, classes, suspects
from report.topics import groups as group_topic
from report.topics.groups import FEW, SMALL_GROUP
from report.topics.surplus import surplus_text
from report.topics.words import share_of

PROPERTIES = {"magnitude": "magnitude", "size": "side of the stamp", "noise": "sky noise"}
"""Properties that are always spoken of; others where something is known of them."""


@dataclass(frozen=True)
class Finding:
    """One way to fail, and what this run has shown of it."""

    title: str
    text: str


def failure_modes(evidence: Evidence, numbers: Mapping[str, Any]) -> list[Finding]:
    """Return what this run has shown of each way to fail.

    Parameters
    ----------
    evidence : Evidence
    numbers : mapping
        See `report.topics.numbers.run_numbers`.

    Returns
    -------
    list of Finding
        Also of those ways that did not show, and of those on which too few galaxies can be asked.
    """
    predictions = evidence.predictions
    return [
        Finding("Answers that are no number", _not_finite(predictions)),
        Finding("Classes", classes.card_text(numbers["test"])),
        Finding("Wrong and sure", _sure(predictions)),
        *_groups(numbers),
        Finding("Galaxies between the classes", between.card_text(numbers["uncertain"], evidence.uncertain)),
        Finding("Holdout", surplus_text(numbers)),
        Finding("Labels", suspects.card_text(numbers.get("suspect_labels"), evidence.why_no_out_of_fold)),
    ]


def _not_finite(predictions: Predictions) -> str:
    asked, aside = int(predictions.shown.sum()), int((~predictions.shown).sum())
    count = int((np.isnan(predictions.p_elliptical) & predictions.shown).sum())
    blank = f" {format_count(aside)} whose flux is constant or missing were set aside." if aside else ""
    if not count:
        return f"None: all {format_count(asked)} galaxies of this run got a finite probability.{blank}"
    return (
        f"{format_count(count)} of {count_of(asked, 'galaxy', 'galaxies')} got no finite probability. Such a"
        f" model is not published.{blank}"
    )


def _sure(predictions: Predictions) -> str:
    rows = predictions.rows(TEST)
    called = predictions.morphologies[rows]
    sure = (called != NO_LABEL) & np.isfinite(predictions.p_elliptical[rows])
    if not sure.any():
        return "No test galaxy is called spiral or elliptical outside the uncertain interval."
    wrong = int((called != predictions.labels[rows])[sure].sum())
    n = int(sure.sum())
    counted = share_of(wrong, n, "test galaxies that lie outside the uncertain interval")
    text = f"{counted} {'bears' if wrong == 1 else 'bear'} the other label."
    return f"{text} {FEW}" if n < SMALL_GROUP else text


def _groups(numbers: Mapping[str, Any]) -> Iterator[Finding]:
    groups, test = numbers["groups"], numbers["test"]
    if not test["n"]:
        yield Finding("Magnitude, size, noise", "The test split is empty: nothing is known.")
        return
    looked_at = 0
    for key in dict.fromkeys((*PROPERTIES, *groups)):
        if key not in groups:
            title = PROPERTIES[key].capitalize()
            yield Finding(title, "It is not known of any test galaxy: nothing can be said.")
            continue
        title = groups[key]["title"]
        yield Finding(_capitalized(title), group_topic.card_text(groups[key]))
        looked_at += len(groups[key]["groups"]) > 1
    if looked_at > 1:
        text = (
            f"{looked_at} properties were looked at. Of twenty that do not matter, one shows p below"
            f" {SIGNIFICANCE:g} by chance."
        )
        yield Finding("To be read with care", text)


def _capitalized(title: str) -> str:
    return title[0].upper() + title[1:]
