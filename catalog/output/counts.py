"""Counts of a catalogue, from blocks of rows."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from catalog.errors import CatalogError
from evaluation.formats.catalogue import Flag
from preprocessing.features import CLASS_NAMES


@dataclass
class Counts:
    """Counts that are added up block by block.

    Attributes
    ----------
    classified, rejects, placed : int
        Objects in the table, rows that are not, and objects in the table that have a position.
    classes, flags, versions, reasons : Counter
        Objects by class, by flag and by ``model_version``; rejects by reason.
    """

    classified: int = 0
    rejects: int = 0
    placed: int = 0
    classes: Counter[str] = field(default_factory=Counter)
    flags: Counter[str] = field(default_factory=Counter)
    versions: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)

    def add(self, block: pa.Table) -> None:
        """Count the classified rows of a block."""
        self.classified += block.num_rows
        self.placed += int(np.count_nonzero(has_position(block)))
        self.classes.update(_values(block["morphology"]))
        self.versions.update(_values(block["model_version"]))
        bits = block["flags"].to_numpy()
        for flag in Flag:
            if found := int(np.count_nonzero(bits & int(flag))):
                self.flags[str(flag.name).lower()] += found

    def add_rejects(self, block: pa.Table) -> None:
        """Count the rejects of a block."""
        self.rejects += block.num_rows
        self.reasons.update(_values(block["reason"]))


@dataclass(frozen=True)
class Summary:
    """Counts of a finished catalogue, as in ``summary.json``.

    Attributes
    ----------
    rows, classified, rejects : int
        ``rows`` is the sum of the others.
    classes, reasons, flags : dict of str to int
        Classified objects by class, rejects by reason, and objects by flag.
    seconds : float
        Time of the classification [s].
    model : dict
        ``path``, ``version``, ``fingerprint``, and ``versions``: rows by ``model_version``.
    table : str
        Name of the table, or of its folder.
    without_position : int
        Classified objects whose position is unknown.
    """

    rows: int
    classified: int
    rejects: int
    classes: dict[str, int]
    reasons: dict[str, int]
    flags: dict[str, int]
    seconds: float
    model: dict[str, Any]
    table: str
    without_position: int

    @classmethod
    def of(cls, counts: Counts, seconds: float, model: Mapping[str, Any], table: str) -> "Summary":
        """Return the summary of complete counts."""
        names = [str(flag.name).lower() for flag in Flag]
        return cls(
            rows=counts.classified + counts.rejects,
            classified=counts.classified,
            rejects=counts.rejects,
            classes={name: counts.classes[name] for name in CLASS_NAMES.values()},
            reasons=dict(counts.reasons.most_common()),
            flags={name: counts.flags[name] for name in names if counts.flags[name]},
            seconds=round(seconds, 3),
            model={**model, "versions": dict(sorted(counts.versions.items()))},
            table=table,
            without_position=counts.classified - counts.placed,
        )


class Rows:
    """Marks the rows of the input that were written, to prove that each is there exactly once.

    Parameters
    ----------
    total : int
        Rows of the input.

    Notes
    -----
    One byte for each row of the input.
    """

    def __init__(self, total: int) -> None:
        self._seen = np.zeros(total, np.uint8)

    def mark(self, rows: np.ndarray) -> None:
        """Mark rows, numbered from 0; raise `CatalogError` if there is no such row."""
        beyond = rows[(rows < 0) | (rows >= len(self._seen))]
        if len(beyond):
            total = f"{len(self._seen):,}"
            raise CatalogError(f"a result has the row {int(beyond[0]) + 1}, but the input has {total} rows")
        distinct, times = np.unique(rows, return_counts=True)
        self._seen[distinct] = np.minimum(self._seen[distinct] + times, 2)

    def check(self) -> None:
        """Raise `CatalogError` unless every row was marked exactly once."""
        for wrong, text in ((self._seen == 0, "are missing"), (self._seen > 1, "are there twice")):
            if found := int(np.count_nonzero(wrong)):
                first = int(np.argmax(wrong)) + 1
                raise CatalogError(f"{found:,} rows of the input {text} in the result, first row {first:,}")


def has_position(block: pa.Table) -> np.ndarray:
    """Return which rows have a position on the sky."""
    ra, dec = (block[name].to_numpy(zero_copy_only=False).astype(float) for name in ("ra", "dec"))
    with np.errstate(invalid="ignore"):
        found: np.ndarray = np.isfinite(ra) & (np.abs(dec) <= 90)
    return found


def _values(cells: pa.ChunkedArray) -> dict[str, int]:
    return {entry["values"]: entry["counts"] for entry in pc.value_counts(cells).to_pylist()}
