"""The account of all rows: ``ingest.json`` and the tables beside it."""

import csv
import io
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, fields
from typing import Any

from preprocessing.features import CLASS_NAMES
from preprocessing.labels.reading import LabelTable
from preprocessing.rejects import Reject
from preprocessing.rows.corrections import correction_counts
from preprocessing.rows.division import Division, StampNote


def table_csv(kind: type, entries: Iterable[Any]) -> str:
    """Return the text of a CSV file, one line per entry, sorted by row.

    Parameters
    ----------
    kind : type
        A dataclass with a field ``row``. Its fields are the columns.
    entries : iterable of `kind`

    Returns
    -------
    str
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, [field.name for field in fields(kind)], lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(entry) for entry in sorted(entries, key=lambda entry: entry.row))
    return text.getvalue()


def ingest_account(table: LabelTable, division: Division, notes: Sequence[StampNote], **details: Any) -> str:
    """Return the text of ``ingest.json``.

    Parameters
    ----------
    table : LabelTable
    division : Division
    notes : sequence of StampNote
    **details
        Further entries.

    Returns
    -------
    str
        JSON with ``rows``, ``examples``, ``rejects``, ``splits``, ``classes``, ``reasons``, ``warnings``
        and the details; ``corrections`` counts the labels given by `[data] corrections`
        (``{"spiral to elliptical": 3}``), ``classes_by_split`` each class within each split, and
        ``rejects_by_class`` each reason within each class (``none``: rows whose label could not be read).

    Raises
    ------
    RuntimeError
        If a row is unaccounted for.
    """
    kept, rejects = division.splits_and_classes, division.rejects
    accounted = {entry.row for entry in division.kept} | {reject.row for reject in rejects}
    if not table.rows == len(kept) + len(rejects) == len(accounted):
        raise RuntimeError(
            f"{table.rows} rows, but {len(kept)} examples and {len(rejects)} rejects"
            f" of {len(accounted)} different rows"
        )
    by_split: dict[str, dict[str, int]] = {}
    for (split, name), count in Counter(kept).items():
        by_split.setdefault(split, {})[name] = count
    report = {
        "rows": table.rows,
        "examples": len(kept),
        "rejects": len(rejects),
        "splits": dict(Counter(split for split, _ in kept)),
        "classes": dict(Counter(name for _, name in kept)),
        "classes_by_split": by_split,
        "reasons": dict(Counter(reject.reason for reject in rejects)),
        "rejects_by_class": _rejects_by_class(table, rejects),
        "warnings": dict(Counter(note.code for note in notes)),
        "label_format": table.label_format,
        "matched": len(table.matches),
        "corrections": correction_counts(table.corrected),
        "notes": table.notes,
        **details,
    }
    return json.dumps(report, indent=2) + "\n"


def _rejects_by_class(table: LabelTable, rejects: Iterable[Reject]) -> dict[str, dict[str, int]]:
    labels = {entry.row: CLASS_NAMES[entry.label] for entry in (*table.objects, *table.excluded)}
    counts: dict[str, dict[str, int]] = {}
    for (name, reason), count in Counter(
        (labels.get(reject.row, "none"), reject.reason) for reject in rejects
    ).items():
        counts.setdefault(name, {})[reason] = count
    return counts
