"""``predictions.csv``: the model's prediction for every galaxy."""

import csv
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from evaluation.formats.columns import FormatError, header_of, numbers_of, read_batches
from preprocessing.features import CLASS_NAMES, NO_LABEL, SPLITS

PREDICTIONS = "predictions.csv"

NOTHING_SHOWN = "nothing_shown"
"""The flux of the picture's bands is constant or missing within the cut (`preprocessing.picture`)."""

_TYPES = {
    "name": pa.string(),
    "ra": pa.float64(),
    "dec": pa.float64(),
    "split": pa.string(),
    "label": pa.int8(),
    "p_elliptical": pa.float64(),
    "morphology": pa.string(),
    "label_name": pa.string(),
    "novelty": pa.float32(),
    "novelty_distance": pa.float32(),
    "problem": pa.string(),
}
COLUMNS = tuple(_TYPES)
_LATER = ("label_name", "novelty", "novelty_distance", "problem")
"""Columns that tables of earlier versions do not have."""
_LABELS = {name: label for label, name in CLASS_NAMES.items()}


@dataclass(frozen=True)
class Predictions:
    """Predictions for N galaxies; about 60 bytes each.

    Attributes
    ----------
    names : pyarrow.ChunkedArray of str
    ra, dec : ndarray, float64, shape (N,)
        [deg]; NaN if unknown.
    splits : ndarray, int8, shape (N,)
        Indices into `preprocessing.features.SPLITS`.
    labels : ndarray, int8, shape (N,)
        0 spiral, 1 elliptical, -1 none.
    p_elliptical : ndarray, float64, shape (N,)
        NaN if the model gave no finite number.
    morphologies : ndarray, int8, shape (N,)
        Class by the model: 0 spiral, 1 elliptical, -1 uncertain.
    novelty, novelty_distance : ndarray, float32, shape (N,)
        Share of the validation galaxies that are less unlike the training galaxies, and the distance that it
        ranks (`trainer.novelty`); NaN if unknown.
    shown : ndarray of bool, shape (N,)
        False for a galaxy whose problem is `NOTHING_SHOWN`.
    """

    names: pa.ChunkedArray
    ra: np.ndarray
    dec: np.ndarray
    splits: np.ndarray
    labels: np.ndarray
    p_elliptical: np.ndarray
    morphologies: np.ndarray
    novelty: np.ndarray
    novelty_distance: np.ndarray
    shown: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)

    def rows(self, split: str) -> np.ndarray:
        """Return the row numbers of the galaxies of a split, without those whose flux shows nothing."""
        return np.flatnonzero((self.splits == SPLITS.index(split)) & self.shown)

    def nothing_shown(self, split: str) -> int:
        """Return the number of galaxies of a split that `rows` leaves out."""
        return int(((self.splits == SPLITS.index(split)) & ~self.shown).sum())

    def scored(self, split: str) -> tuple[np.ndarray, np.ndarray]:
        """Return labels and probabilities of a split."""
        rows = self.rows(split)
        return self.labels[rows], self.p_elliptical[rows]

    def find(self, names: Sequence[str]) -> dict[str, int]:
        """Return the row of each galaxy that is in the table."""
        found = pc.index_in(self.names, value_set=pa.array(names, pa.string()))
        rows = np.flatnonzero(found.is_valid().to_numpy())
        places = pc.take(found, pa.array(rows)).to_numpy()
        return {names[place]: int(row) for place, row in zip(places, rows, strict=True)}


class Row(Protocol):
    """Function that writes the prediction for one galaxy."""

    def __call__(
        self,
        name: str,
        ra: float,
        dec: float,
        split: str,
        label: int,
        p_elliptical: float,
        morphology: str,
        *,
        novelty: tuple[float, float],
        nothing_shown: bool,
    ) -> None:
        """Write a row; NaN for an unknown position, share or distance."""


@contextmanager
def predictions_writer(path: Path) -> Iterator[Row]:
    """Write ``predictions.csv``.

    Parameters
    ----------
    path : Path

    Yields
    ------
    Row
        A function to call for each galaxy. A float32 probability is written with the fewest digits that
        represent it exactly.
    """
    with open(path, "w", newline="", encoding="utf-8") as table:
        writer = csv.writer(table, lineterminator="\n")
        writer.writerow(COLUMNS)

        def write(name, ra, dec, split, label, p_elliptical, morphology, *, novelty, nothing_shown) -> None:
            position = ["" if math.isnan(angle) else angle for angle in (ra, dec)]
            unlike = ["" if math.isnan(number) else str(number) for number in novelty]
            problem = NOTHING_SHOWN if nothing_shown else ""
            p, label_name = str(p_elliptical), CLASS_NAMES[label]
            writer.writerow((name, *position, split, label, p, morphology, label_name, *unlike, problem))

        yield write


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
        If it cannot be read, or has an unknown split, label or class or an invalid probability.
    """
    names: list[pa.Array] = []
    there = header_of(path)
    types = {name: kind for name, kind in _TYPES.items() if name in there or name not in _LATER}
    parts: list[tuple[np.ndarray, ...]] = [_columns(path, pa.RecordBatch.from_pylist([], pa.schema(types)))]
    for batch in read_batches(path, types):
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
    novelty, distance = (
        numbers_of(batch.column(name), np.float32)
        if name in batch.schema.names
        else np.full(len(batch), np.nan, np.float32)
        for name in ("novelty", "novelty_distance")
    )
    shown = np.ones(len(batch), bool)
    if "problem" in batch.schema.names:
        shown = ~pc.fill_null(pc.equal(batch.column("problem"), NOTHING_SHOWN), False).to_numpy(
            zero_copy_only=False
        )
    return ra, dec, splits, labels, p, morphologies, novelty, distance, shown


def _places(path: Path, batch: pa.RecordBatch, column: str, known: Sequence[str]) -> np.ndarray:
    found = pc.index_in(batch.column(column), value_set=pa.array(known, pa.string()))
    if found.null_count:
        odd = batch.column(column).filter(pc.is_null(found))[0]
        raise FormatError(f"{path} is damaged: there is no {column} {str(odd)!r}")
    return found.to_numpy()
