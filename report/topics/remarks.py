"""Warnings and notes on the results of a run."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from preprocessing.features import CLASS_NAMES, TEST
from report.topics import classes, groups

TOLERANCE = 1e-6
"""Largest difference between the scores of the Evaluator and of scikit-learn."""


@dataclass(frozen=True)
class Remark:
    """A warning or note.

    Attributes
    ----------
    kind : str
        ``stop``: the numbers are not reliable; ``warning``: a weakness of the model; ``note``.
    text : str
        A sentence.
    """

    kind: Literal["stop", "warning", "note"]
    text: str


def remarks(numbers: Mapping[str, Any]) -> list[Remark]:
    """Return the remarks on a run, the most serious first.

    Parameters
    ----------
    numbers : mapping
        See `report.topics.numbers.run_numbers`.

    Returns
    -------
    list of Remark
    """
    found = [
        *_of_test(numbers),
        *_of_evaluator(numbers["tfma"]),
        *_warnings(numbers),
        *_of_nothing_shown(numbers["nothing_shown"]),
    ]
    return sorted(found, key=lambda remark: ("stop", "warning", "note").index(remark.kind))


def _of_test(numbers: Mapping[str, Any]) -> Iterator[Remark]:
    test, counts = numbers["test"], numbers["splits"][TEST]
    if not test["n"]:
        yield Remark("stop", "The test split is empty, so the quality of the model is not known.")
        return
    if test["not_finite"]:
        share = f"{test['not_finite']:,} of {test['n']:,} test galaxies"
        yield Remark("stop", f"{share} have no finite probability; they count as misclassified.")
    for label in classes.CLASSES:
        if not counts[CLASS_NAMES[label]]:
            absent = f"There is no {CLASS_NAMES[label]} galaxy in the test split"
            text = f"{absent}, so AUC and average precision are not defined."
            yield Remark("stop", text)
    if test["equal_probabilities"]:
        text = "All probabilities of the test split are equal: the model does not separate the classes."
        yield Remark("stop", text)
    if test["accuracy"] == 1.0:
        low, high = numbers["test"]["wilson"]
        text = (
            "Every test galaxy is classified correctly. Wilson's 95 % interval of the accuracy is"
            f" {low:.4f} to {high:.4f}."
        )
        yield Remark("note", text)


def _of_nothing_shown(counts: Mapping[str, int]) -> Iterator[Remark]:
    if counts:
        listed = ", ".join(f"{count:,} in {split}" for split, count in counts.items())
        text = f"Galaxies with constant or missing flux get no probability and are not evaluated: {listed}."
        yield Remark("note", text)


def _of_evaluator(tfma: Mapping[str, Any] | None) -> Iterator[Remark]:
    for name, difference in (tfma or {}).get("difference", {}).items():
        if difference > TOLERANCE:
            text = f"The Evaluator's {name} differs from scikit-learn's by {difference:.2g}"
            yield Remark("stop", f"{text}, more than {TOLERANCE:g}.")


def _warnings(numbers: Mapping[str, Any]) -> Iterator[Remark]:
    texts = [classes.warning(numbers["test"]), *map(groups.warning, numbers["groups"].values())]
    yield from (Remark("warning", text) for text in texts if text)
