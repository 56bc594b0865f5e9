"""What becomes of an object: a row of the catalogue, or a reject."""

import json
import math
from dataclasses import astuple, dataclass

from evaluation.formats.catalogue import UNLIKE_FROM, Flag
from serving.predict.classifier import Answer

NO_PROBABILITY = "no_probability"
REFUSED = "refused"

REASONS = {
    NO_PROBABILITY: "the model gives no probability, because the picture shows nothing",
    REFUSED: "the server refuses the object",
}
"""Reason codes beside those of `preprocessing.rejects.REASONS`, and what they mean."""


@dataclass(frozen=True)
class Reject:
    """An object that is not classified.

    Attributes
    ----------
    file, reason, message : str
        As in `preprocessing.rejects.Reject`.
    """

    file: str
    reason: str
    message: str


@dataclass(frozen=True)
class Prediction:
    """A classified object.

    Attributes
    ----------
    p_elliptical, p_spiral : float
    morphology : str
    flags : int
        Sum of `evaluation.formats.catalogue.Flag`.
    model_version : str
    novelty, novelty_distance : float or None
        None if the model does not give them.
    """

    p_elliptical: float
    p_spiral: float
    morphology: str
    flags: int
    model_version: str
    novelty: float | None
    novelty_distance: float | None


Outcome = Prediction | Reject


def outcome(answer: Answer, place: int, flags: int = 0) -> Outcome:
    """Return the outcome of one object of an answer.

    Parameters
    ----------
    answer : Answer
    place : int
        Its position in the answer.
    flags : int
        What the reader found.
    """
    # Rounded to the digits of a float32, so that tables do not show those of its float64.
    p_elliptical, p_spiral = (_digits(values[place]) for values in (answer.p_elliptical, answer.p_spiral))
    if math.isnan(p_elliptical):
        return Reject("", NO_PROBABILITY, "the model gives no probability: the picture shows nothing")
    novelty, distance = (
        None if values is None or math.isnan(values[place]) else _digits(values[place])
        for values in (answer.novelty, answer.novelty_distance)
    )
    if novelty is not None and novelty >= UNLIKE_FROM:
        flags |= Flag.UNLIKE
    return Prediction(
        p_elliptical, p_spiral, answer.morphology[place], int(flags), answer.version, novelty, distance
    )


def _digits(value: object) -> float:
    return float(str(value))


def to_line(result: Outcome) -> str:
    """Return an outcome as one line of JSON."""
    return json.dumps(astuple(result), ensure_ascii=True, separators=(",", ":"))


def from_line(line: str) -> Outcome:
    """Return the outcome in a line; raise ValueError if it holds none."""
    values = json.loads(line)
    if not isinstance(values, list) or len(values) not in (3, 7):
        raise ValueError("not an outcome")
    return Reject(*values) if len(values) == 3 else Prediction(*values)
