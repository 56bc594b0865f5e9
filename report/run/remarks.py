"""What to mind in the results of this run, in words."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from evaluation.comparison import chance_text
from preprocessing.features import CLASS_NAMES, TEST
from report.html.formats import format_measure, format_percent
from report.run.figures.plot import SURE
from report.run.numbers import CLASSES
from report.run.worst_group import worst_group

TOLERANCE = 1e-6
"""Between what the Evaluator and scikit-learn find."""


@dataclass(frozen=True)
class Remark:
    """Something to mind.

    Attributes
    ----------
    kind : str
        ``stop``: the numbers cannot be relied on; ``warning``: a weakness of the model; ``note``.
    text : str
        A sentence.
    """

    kind: Literal["stop", "warning", "note"]
    text: str


def remarks(numbers: Mapping[str, Any]) -> list[Remark]:
    """Return what is to be minded, the gravest first.

    Parameters
    ----------
    numbers : mapping
        See `report.run.numbers.run_numbers`.

    Returns
    -------
    list of Remark
    """
    found = [
        *_of_test(numbers),
        *_of_evaluator(numbers["tfma"]),
        *_of_classes(numbers["test"]),
        *_of_groups(numbers),
        *_of_nothing_shown(numbers["nothing_shown"]),
    ]
    return sorted(found, key=lambda remark: ("stop", "warning", "note").index(remark.kind))


def _of_test(numbers: Mapping[str, Any]) -> Iterator[Remark]:
    test, counts = numbers["test"], numbers["splits"][TEST]
    if not test["n"]:
        yield Remark("stop", "The test split is empty: nothing is known of how good the model is.")
        return
    if test["not_finite"]:
        share = f"{test['not_finite']:,} of {test['n']:,} test galaxies"
        yield Remark("stop", f"The model gives {share} no finite probability; they count as wrong.")
    for label in CLASSES:
        if not counts[CLASS_NAMES[label]]:
            absent = f"There is no {CLASS_NAMES[label]} galaxy in the test split"
            text = f"{absent}: AUC and what rests on it are not defined."
            yield Remark("stop", text)
    if test["equal_probabilities"]:
        yield Remark("stop", "All probabilities of the test split are equal: the model tells nothing apart.")
    if test["accuracy"] == 1.0:
        low, high = numbers["test"]["wilson"]
        text = (
            "Every test galaxy is called rightly. Resampling them can show no error; by Wilson's interval the"
            f" accuracy lies between {low:.4f} and {high:.4f}."
        )
        yield Remark("note", text)


def _of_nothing_shown(counts: Mapping[str, int]) -> Iterator[Remark]:
    if counts:
        listed = ", ".join(f"{count:,} in {split}" for split, count in counts.items())
        text = f"Galaxies whose flux is constant or missing got no answer and were set aside: {listed}."
        yield Remark("note", text)


def _of_evaluator(tfma: Mapping[str, Any] | None) -> Iterator[Remark]:
    for name, difference in (tfma or {}).get("difference", {}).items():
        if difference > TOLERANCE:
            text = f"The Evaluator's {name} differs from scikit-learn's by {difference:.2g}"
            yield Remark("stop", f"{text}, more than {TOLERANCE:g}.")


def _of_classes(test: Mapping[str, Any]) -> Iterator[Remark]:
    report = test["report"]
    if not report:
        return
    spirals, ellipticals = (report[CLASS_NAMES[label]] for label in CLASSES)
    if None in (spirals["recall"], ellipticals["recall"]):
        return
    low, high = sorted((spirals, ellipticals), key=lambda entry: entry["recall"])
    if test["class_chance"] is not None and test["class_chance"] < SURE:
        worse, better = ("Spirals", "ellipticals") if low is spirals else ("Ellipticals", "spirals")
        text = (
            f"{worse} are missed more often than {better}: {format_percent(1 - low['recall'])} against"
            f" {format_percent(1 - high['recall'])} (p {chance_text(test['class_chance'])})."
        )
        yield Remark("warning", text)


def _of_groups(numbers: Mapping[str, Any]) -> Iterator[Remark]:
    for group in numbers["groups"].values():
        if len(group["groups"]) < 2:
            continue
        worst = worst_group(group)
        if worst.verdict == "different":
            text = (
                f"Accuracy depends on {group['title'].split(' [')[0]}: at {worst.title} it is"
                f" {format_measure(worst.accuracy, 3)} (p {chance_text(group['chance'])})."
            )
            yield Remark("warning", text)
