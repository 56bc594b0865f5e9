"""What to mind in the results of this run, in words."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from preprocessing.features import CLASS_NAMES, TEST
from report.topics import classes, groups

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
        yield Remark("stop", "The test split is empty: nothing is known of how good the model is.")
        return
    if test["not_finite"]:
        share = f"{test['not_finite']:,} of {test['n']:,} test galaxies"
        yield Remark("stop", f"The model gives {share} no finite probability; they count as wrong.")
    for label in classes.CLASSES:
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


def _warnings(numbers: Mapping[str, Any]) -> Iterator[Remark]:
    texts = [classes.warning(numbers["test"]), *map(groups.warning, numbers["groups"].values())]
    yield from (Remark("warning", text) for text in texts if text)
