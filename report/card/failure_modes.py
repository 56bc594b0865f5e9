"""Where the model fails, as far as this run has shown it: groups, classes, objects between the classes."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from evaluation.comparison import chance_text
from evaluation.formats.predictions import Predictions
from evaluation.groups import UNKNOWN
from evaluation.intervals import wilson
from preprocessing.features import CLASS_NAMES, ELLIPTICAL, NO_LABEL, SPIRAL, TEST
from report.html.formats import count_of, format_count, format_percent
from report.run.evidence import Evidence
from report.run.figures.plot import SURE
from report.run.surplus import surplus_text
from report.run.suspects import doubt_text
from report.run.worst_group import FEW, SMALL_GROUP, WorstGroup, worst_group

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
        See `report.run.numbers.run_numbers`.

    Returns
    -------
    list of Finding
        Also of those ways that did not show, and of those on which too few galaxies can be asked.
    """
    predictions = evidence.predictions
    return [
        Finding("Answers that are no number", _not_finite(predictions)),
        Finding("Classes", _classes(numbers["test"])),
        Finding("Wrong and sure", _sure(predictions)),
        *_groups(numbers),
        Finding("Galaxies between the classes", _between(numbers["uncertain"], evidence.uncertain)),
        Finding("Holdout", surplus_text(numbers)),
        Finding("Labels", _labels(evidence, numbers)),
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


def _classes(test: Mapping[str, Any]) -> str:
    matrix = test["confusion_matrix"]
    if matrix is None or not np.sum(matrix):
        return "No test galaxy has both a label and a probability: nothing is known of either class."
    missed = {SPIRAL: (matrix[0][1], sum(matrix[0])), ELLIPTICAL: (matrix[1][0], sum(matrix[1]))}
    said = [
        f"{_of(part, n, f'{CLASS_NAMES[label]}s')} {'is' if part == 1 else 'are'} called"
        f" {CLASS_NAMES[SPIRAL + ELLIPTICAL - label]}"
        for label, (part, n) in missed.items()
        if n
    ]
    if len(said) < 2:
        return f"{said[0]}. The test split holds no galaxy of the other class: nothing is known of it."
    worse = _worse_class(missed, test["class_chance"])
    return f"{said[0]}; {said[1]}. {worse}"


def _worse_class(missed: Mapping[int, tuple[int, int]], chance: float | None) -> str:
    if min(n for _, n in missed.values()) < SMALL_GROUP:
        return FEW
    if chance is None:
        return "Neither class is confused with the other."
    if chance >= SURE:
        return f"Which class is confused more often cannot be told (p {chance_text(chance)})."
    worse = max(missed, key=lambda label: missed[label][0] / missed[label][1])
    return f"{CLASS_NAMES[worse].capitalize()}s are confused more often (p {chance_text(chance)})."


def _sure(predictions: Predictions) -> str:
    rows = predictions.rows(TEST)
    called = predictions.morphologies[rows]
    sure = (called != NO_LABEL) & np.isfinite(predictions.p_elliptical[rows])
    if not sure.any():
        return "No test galaxy is called spiral or elliptical outside the uncertain interval."
    wrong = int((called != predictions.labels[rows])[sure].sum())
    n = int(sure.sum())
    counted = _of(wrong, n, "test galaxies that lie outside the uncertain interval")
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
        yield Finding(_capitalized(title), _group(groups[key]))
        looked_at += len(groups[key]["groups"]) > 1
    if looked_at > 1:
        text = (
            f"{looked_at} properties were looked at. Of twenty that do not matter, one shows p below {SURE:g}"
            " by chance."
        )
        yield Finding("To be read with care", text)


def _group(numbers: Mapping[str, Any]) -> str:
    every: Sequence[Mapping[str, Any]] = numbers["groups"]
    known = [group for group in every if group["title"] != UNKNOWN]
    unknown = sum(group["n"] for group in every) - sum(group["n"] for group in known)
    note = f" It is not known of {count_of(unknown, 'test galaxy', 'test galaxies')}." if unknown else ""
    if len(every) < 2:
        return f"All test galaxies have {known[0]['title']}, so there are no groups to compare."
    worst = worst_group(numbers)
    where = f"where it is {UNKNOWN}" if worst.title == UNKNOWN else f"at {worst.title}"
    found = f"Worst {where}: {_right(worst.right, worst.n, worst.interval)}"
    others = _right(worst.others_right, worst.others, worst.others_interval)
    return f"{found}; of all others {others}. {_verdict(worst, numbers['chance'])}{note}"


def _verdict(worst: WorstGroup, chance: float | None) -> str:
    if worst.verdict == "few":
        return FEW
    if chance is None:
        return "All groups are alike."
    intervals = "overlap" if worst.overlap else "do not overlap"
    measured = f"(p {chance_text(chance)}; the intervals {intervals})"
    if worst.verdict == "chance":
        often = f"Chance alone makes equal groups differ so much often enough {measured}"
        return f"{often}: nothing can be concluded."
    warning = "be wary there" if worst.overlap else "expect more errors there"
    return f"Chance alone would rarely make equal groups differ so much {measured}: {warning}."


def _between(uncertain: Mapping[str, Any] | None, interval: tuple[float, float]) -> str:
    if not uncertain:
        return (
            "The table calls no galaxy uncertain: what the model says of galaxies between the classes is not"
            " known."
        )
    n = uncertain["n"]
    sure = n - round(uncertain["fraction_uncertain"] * n) - uncertain["not_finite"]
    return (
        f"{_of(sure, n, 'galaxies that the table calls uncertain')} get a probability outside"
        f" {interval[0]:g} to {interval[1]:g}: the model calls them spiral or elliptical where people did not"
        " agree."
    )


def _labels(evidence: Evidence, numbers: Mapping[str, Any]) -> str:
    doubted = numbers.get("suspect_labels")
    if not doubted or not doubted["n"]:
        why = evidence.why_no_out_of_fold or "no out-of-fold prediction is a finite probability."
        return f"Nothing is known of wrong labels: {why}"
    if doubt := doubt_text(doubted):
        return doubt
    verb = "is" if doubted["issues"] == 1 else "are"
    return (
        f"{_of(doubted['issues'], doubted['n'], 'labels of the cross-validation')} {verb} probably wrong"
        " (confident learning). No accuracy measured against such labels can be much better than they are."
    )


def _right(right: int, n: int, interval: Sequence[float]) -> str:
    low, high = (format_percent(end) for end in interval)
    return f"{format_percent(right / n)} of {format_count(n)} are right (95 % interval {low} to {high})"


def _of(part: int, n: int, what: str) -> str:
    low, high = (format_percent(end) for end in wilson(part, n))
    share = f"{format_percent(part / n)}, 95 % interval {low} to {high}"
    return f"{format_count(part)} of {format_count(n)} {what} ({share})"


def _capitalized(title: str) -> str:
    return title[0].upper() + title[1:]
