"""Rejects: rows of the label table that did not become Examples, with their reasons."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

REASONS = {
    "no_name": "the row has no object name",
    "bad_name": "the name cannot be part of a file name",
    "bad_label": "the row's label or votes cannot be read",
    "artifact": "the volunteers saw a star or an artifact",
    "bad_position": "the row has no usable position for matching it with a stamp, or for cutting one",
    "unmatched": "no stamp lies within the match radius",
    "ambiguous_match": "several stamps lie within the match radius, or several objects match one stamp",
    "excluded": "the galaxy is listed in a table of [data] exclude",
    "missing_file": "a stamp does not exist",
    "not_a_file": "a stamp is not a regular file, but a folder, a broken link, a device or the like",
    "too_large": "the file or the image of a stamp is too large",
    "unreadable": "a stamp is not FITS, or is damaged",
    "no_image": "a stamp holds no image",
    "wrong_planes": "a stamp holds a cube where an image is expected, or a cube of another number of planes",
    "too_small": "a stamp is smaller than the cut",
    "too_blank": "too many pixels of a stamp hold no data",
    "too_saturated": "too many pixels of a stamp are saturated",
    "off_stamp": "the object's position lies off its stamp, or the stamp has no data at its centre",
    "bad_saturation": "the saturation level in the header is not a possible value",
    "no_zero_point": "the header has no zero point, or one that is not a possible value",
    "internal_error": "galmorph itself failed on the object; please report the details, which are in the log",
    "constant": "all pixels of a stamp have the same value",
    "off_fields": "the position lies off every field image",
    "missing_band": "the field image lacks a band that the model needs",
    "duplicate_name": "another row has the same name and was kept",
    "duplicate_position": "another object of the table has the same position and was kept",
    "label_conflict": "rows of one galaxy have different labels",
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
        The file that caused it; empty if none did.
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
    """Return the three most common reason codes with their counts as text; empty without rejects."""
    reasons = Counter(reject.reason for reject in rejects).most_common(3)
    return ", ".join(f"{count} {reason}" for reason, count in reasons)
