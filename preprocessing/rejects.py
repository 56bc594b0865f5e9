"""Rows that did not become Examples, and why."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

REASONS = {
    "no_name": "the row has no object name",
    "bad_name": "the name cannot be part of a file name",
    "bad_label": "the row's label or votes say nothing that can be understood",
    "artifact": "the volunteers saw a star or an artifact",
    "bad_position": "the row has no usable position to be matched by",
    "unmatched": "no stamp lies within the match radius",
    "ambiguous_match": "several stamps lie within the match radius, or several objects claim one stamp",
    "excluded": "a list of [data] exclude names the galaxy",
    "missing_file": "a stamp does not exist",
    "not_a_file": "a stamp is a folder, a link to nowhere, a device or the like",
    "too_large": "a stamp is too large a file or image to be one",
    "unreadable": "a stamp is not FITS, or damaged",
    "no_image": "a stamp holds no image",
    "wrong_planes": "a stamp holds a cube where an image is expected, or a cube of another number of planes",
    "too_small": "a stamp is smaller than the cut",
    "too_blank": "too many pixels of a stamp hold no data",
    "too_saturated": "too many pixels of a stamp are saturated",
    "off_stamp": "the object lies off its stamp, or there are no data where it should be",
    "bad_saturation": "the header's level of saturation is a number that cannot be one",
    "no_zero_point": "the zero point that the flux needs is not in the header, or is a number that is none",
    "internal_error": "galmorph itself failed on the object; the log has the details, which please report",
    "constant": "every pixel of a stamp has one value",
    "duplicate_name": "the name stands in an earlier row too",
    "duplicate_position": "another object of the table has the same position",
    "label_conflict": "rows of one galaxy contradict each other",
}
"""Every reason code and what it means."""


@dataclass(frozen=True)
class Reject:
    """A row of the table that did not become an Example.

    Attributes
    ----------
    row : int
        Number of the row, from 1.
    name : str
        Object name as the table spells it.
    file : str
        The file that is to blame; empty where none is.
    reason : str
        One of `REASONS`.
    message : str
        One sentence.
    """

    row: int
    name: str
    file: str
    reason: str
    message: str


def usual_reasons(rejects: Iterable[Reject]) -> str:
    """Return the three most common reasons with their counts, as one says them; empty without rejects."""
    reasons = Counter(reject.reason for reject in rejects).most_common(3)
    return ", ".join(f"{count} {reason}" for reason, count in reasons)
