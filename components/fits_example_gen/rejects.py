"""Rows that did not become Examples, and the account of all rows."""

import csv
import io
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

REASONS = {
    "no_name": "the row has no object name",
    "bad_name": "the name cannot be part of a file name",
    "bad_label": "the row's label or votes say nothing that can be understood",
    "missing_file": "a stamp does not exist",
    "not_a_file": "a stamp is a folder, a link to nowhere, a device or the like",
    "too_large": "a stamp is too large a file or image to be one",
    "unreadable": "a stamp is not FITS, or damaged",
    "no_image": "a stamp holds no two-dimensional image",
    "too_small": "a stamp is smaller than the cut",
    "too_blank": "too many pixels of a stamp are NaN or infinite",
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


def rejects_csv(rejects: Iterable[Reject]) -> str:
    """Return the text of ``rejects.csv``, in order of rows."""
    text = io.StringIO()
    writer = csv.DictWriter(text, [field.name for field in fields(Reject)], lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(reject) for reject in sorted(rejects, key=lambda reject: reject.row))
    return text.getvalue()


def ingest_report(
    rows: int,
    kept: Sequence[tuple[str, str]],
    rejects: Sequence[Reject],
    **details: Any,
) -> str:
    """Return the text of ``ingest.json``.

    Parameters
    ----------
    rows : int
        Rows of the table.
    kept : sequence of (str, str)
        Split and class name of every Example written.
    rejects : sequence of Reject
    **details
        Further entries.

    Returns
    -------
    str
        JSON with ``rows``, ``examples``, ``rejects``, ``splits``, ``classes``, ``reasons`` and the details.

    Raises
    ------
    RuntimeError
        If a row is unaccounted for.
    """
    if rows != len(kept) + len(rejects):
        raise RuntimeError(f"{rows} rows, but {len(kept)} examples and {len(rejects)} rejects")
    report = {
        "rows": rows,
        "examples": len(kept),
        "rejects": len(rejects),
        "splits": dict(Counter(split for split, _ in kept)),
        "classes": dict(Counter(name for _, name in kept)),
        "reasons": dict(Counter(reject.reason for reject in rejects)),
        **details,
    }
    return json.dumps(report, indent=2) + "\n"
