"""``predictions.csv``: what the model says of every galaxy."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from evaluation.formats.columns import FormatError, numbers_of, read_batches
from preprocessing.features import CLASS_NAMES, NO_LABEL, SPLITS

PREDICTIONS = "predictions.csv"

_TYPES = {
    "name": pa.string(),
    "ra": pa.float64(),
    "dec": pa.float64(),
    "split": pa.string(),
    "label": pa.int8(),
    "p_elliptical": pa.float64(),
    "morphology": pa.string(),
}
_LABELS = {name: label for label, name in CLASS_NAMES.items()}


@dataclass(frozen=True)
class Predictions:
    """What the model says of N galaxies, some 50 bytes each.

    Attributes
    ----------
    names : pyarrow.ChunkedArray of str
    ra, dec : ndarray, float64, shape (N,)
        [deg]; NaN where unknown.
    splits : ndarray, int8, shape (N,)
        Places in `preprocessing.features.SPLITS`.
    labels : ndarray, int8, shape (N,)
        0 spiral, 1 elliptical, -1 none.
    p_elliptical : ndarray, float64, shape (N,)
        NaN where the model gave no finite number.
    morphologies : ndarray, int8, shape (N,)
        What the model calls the galaxy: 0 spiral, 1 elliptical, -1 uncertain.
    """

    names: pa.ChunkedArray
    ra: np.ndarray
    dec: np.ndarray
    splits: np.ndarray
    labels: np.ndarray
    p_elliptical: np.ndarray
    morphologies: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)

    def rows(self, split: str) -> np.ndarray:
        """Return the numbers of the galaxies of a split."""
        return np.flatnonzero(self.splits == SPLITS.index(split))

    def scored(self, split: str) -> tuple[np.ndarray, np.ndarray]:
        """Return labels and probabilities of a split."""
        rows = self.rows(split)
        return self.labels[rows], self.p_elliptical[rows]

    def find(self, names: Sequence[str]) -> dict[str, int]:
        """Return the row of each of some galaxies, as far as they are there."""
        found = pc.index_in(self.names, value_set=pa.array(names, pa.string()))
        rows = np.flatnonzero(found.is_valid().to_numpy())
        places = pc.take(found, pa.array(rows)).to_numpy()
        return {names[place]: int(row) for place, row in zip(places, rows, strict=True)}


def read_predictions(path: Path) -> Predictions:
    """Read ``predictions.csv``.

    Parameters
    ----------
    path : Path

    Returns
    -------
    Predictions

    Raises
    ------
    FormatError
        If it cannot be read, or holds a split, label, class or probability that there is not.
    """
    names: list[pa.Array] = []
    parts: list[tuple[np.ndarray, ...]] = [_columns(path, pa.RecordBatch.from_pylist([], pa.schema(_TYPES)))]
    for batch in read_batches(path, _TYPES):
        names.append(batch.column("name"))
        parts.append(_columns(path, batch))
    return Predictions(pa.chunked_array(names, pa.string()), *map(np.concatenate, zip(*parts, strict=True)))


def _columns(path: Path, batch: pa.RecordBatch) -> tuple[np.ndarray, ...]:
    p = numbers_of(batch.column("p_elliptical"))
    p[~np.isfinite(p)] = np.nan
    outside = (p < 0) | (p > 1)
    if outside.any():
        row = int(np.argmax(outside))
        raise FormatError(f"{path} is damaged: p_elliptical of {batch.column('name')[row]} is {p[row]:g}")
    splits = _places(path, batch, "split", SPLITS).astype(np.int8)
    called = np.array(list(_LABELS.values()), np.int8)
    morphologies = called[_places(path, batch, "morphology", list(_LABELS))]
    labels = pc.fill_null(batch.column("label"), NO_LABEL).to_numpy()
    if not np.isin(labels, list(CLASS_NAMES)).all():
        raise FormatError(f"{path} is damaged: a label is none of {', '.join(map(str, sorted(CLASS_NAMES)))}")
    ra, dec = (numbers_of(batch.column(name)) for name in ("ra", "dec"))
    return ra, dec, splits, labels, p, morphologies


def _places(path: Path, batch: pa.RecordBatch, column: str, known: Sequence[str]) -> np.ndarray:
    found = pc.index_in(batch.column(column), value_set=pa.array(known, pa.string()))
    if found.null_count:
        odd = batch.column(column).filter(pc.is_null(found))[0]
        raise FormatError(f"{path} is damaged: there is no {column} {str(odd)!r}")
    return found.to_numpy()
