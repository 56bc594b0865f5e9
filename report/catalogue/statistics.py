"""What the page shows of a catalogue, accumulated from blocks of rows."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from evaluation.formats.catalogue import UNLIKE_FROM, Flag
from preprocessing.features import CLASS_NAMES
from report.catalogue.sample import Sample

CLASSES = tuple(CLASS_NAMES.values())
POINTS = 3000
"""Largest number of positions drawn."""
SHOWN = 8
"""Pictures of each class."""
CELL = 3.0
"""Side of a cell of the map of the sky [deg]."""
MAGNITUDE_EDGES = np.arange(0.0, 40.25, 0.25)
"""[mag]"""
NOVELTY_EDGES = np.linspace(0.0, 1.0, 51)
PROBABILITY_EDGES = np.linspace(0.0, 1.0, 41)
"""With the usual limits of the classes, 0.25 and 0.75, among them."""

_NEEDED = ("row", "name", "ra", "dec", "p_elliptical", "morphology", "novelty")


@dataclass(frozen=True)
class Chosen:
    """An object whose picture is to be shown.

    Attributes
    ----------
    row : int
        As the blocks number it.
    name, morphology : str
    p_elliptical : float
    """

    row: int
    name: str
    morphology: str
    p_elliptical: float


class CatalogueStatistics:
    """Histograms and samples of a catalogue, of fixed size.

    Parameters
    ----------
    seed : int
        Of the positions drawn and of the pictures shown.

    Attributes
    ----------
    rows : int
        Classified objects.
    flagged : numpy.ndarray, int64, shape (flags, classes)
        Objects with each `Flag`, by class.
    unflagged : numpy.ndarray, int64, shape (classes,)
        Objects without any.
    probabilities, novelties : numpy.ndarray, int64, shape (classes, bins)
        Histograms of ``p_elliptical`` and ``novelty``.
    unlike, with_novelty : int
        Objects whose novelty is at least `UNLIKE_FROM`, and whose novelty is known.
    magnitudes : numpy.ndarray, int64, shape (classes, bins)
        Objects by `MAGNITUDE_EDGES`.
    sky : numpy.ndarray, int64, shape (declination, right ascension)
        Objects in cells of `CELL` degrees.
    placed : int
        Objects with a position.
    """

    def __init__(self, seed: int = 0) -> None:
        count = len(CLASSES)
        self.rows = self.unlike = self.with_novelty = self.placed = 0
        self.flagged = np.zeros((len(Flag), count), np.int64)
        self.unflagged = np.zeros(count, np.int64)
        self.probabilities = np.zeros((count, len(PROBABILITY_EDGES) - 1), np.int64)
        self.novelties = np.zeros((count, len(NOVELTY_EDGES) - 1), np.int64)
        self.magnitudes = np.zeros((count, len(MAGNITUDE_EDGES) - 1), np.int64)
        self.sky = np.zeros((round(180 / CELL), round(360 / CELL)), np.int64)
        self._points = Sample(POINTS, seed)
        self._shown = [Sample(SHOWN, seed) for _ in CLASSES]

    def add(self, block: pa.Table) -> None:
        """Add a block of classified rows of the catalogue."""
        self.rows += block.num_rows
        kinds = _classes(block["morphology"])
        flags = block["flags"].to_numpy()
        for place, flag in enumerate(Flag):
            self.flagged[place] += _counts(kinds[(flags & int(flag)) != 0])
        self.unflagged += _counts(kinds[flags == 0])
        self.probabilities += _histogram(kinds, _floats(block, "p_elliptical"), PROBABILITY_EDGES)
        novelty = _floats(block, "novelty")
        self.novelties += _histogram(kinds, novelty, NOVELTY_EDGES)
        self.with_novelty += int(np.isfinite(novelty).sum())
        self.unlike += int((novelty >= UNLIKE_FROM).sum())
        if "magnitude" in block.column_names:
            self.magnitudes += _histogram(kinds, _floats(block, "magnitude"), MAGNITUDE_EDGES)
        rows = block.select(_NEEDED)
        self._add_positions(rows)
        for kind, sample in enumerate(self._shown):
            if (kinds == kind).any():
                sample.add(rows.filter(pa.array(kinds == kind)))

    def _add_positions(self, rows: pa.Table) -> None:
        ra, dec = _floats(rows, "ra"), _floats(rows, "dec")
        placed = np.isfinite(ra) & (np.abs(dec) <= 90)
        self.placed += int(placed.sum())
        if placed.any():
            column = ((ra[placed] % 360) / CELL).astype(int) % self.sky.shape[1]
            line = np.minimum(((dec[placed] + 90) / CELL).astype(int), self.sky.shape[0] - 1)
            np.add.at(self.sky, (line, column), 1)
            self._points.add(rows.filter(pa.array(placed)))

    @property
    def points(self) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
        """Right ascension and declination [deg] and class of a random sample, `POINTS` at most."""
        rows = self._points.rows
        if rows is None:
            return np.empty(0), np.empty(0), np.empty(0, np.int64)
        return _floats(rows, "ra") % 360, _floats(rows, "dec"), _classes(rows["morphology"])

    @property
    def chosen(self) -> Sequence[Chosen]:
        """A random choice of objects, `SHOWN` at most of each class."""
        found = []
        for sample in self._shown:
            for entry in [] if sample.rows is None else sample.rows.to_pylist():
                found.append(
                    Chosen(entry["row"], entry["name"], entry["morphology"], float(entry["p_elliptical"]))
                )
        return found


def _classes(cells: pa.ChunkedArray) -> NDArray[np.int64]:
    known = {name: place for place, name in enumerate(CLASSES)}
    encoded = cells.combine_chunks().dictionary_encode()
    names = [known[name] for name in encoded.dictionary.to_pylist()]
    found: NDArray[np.int64] = np.array(names, np.int64)[encoded.indices.to_numpy()]
    return found


def _floats(block: pa.Table, name: str) -> NDArray[np.float64]:
    values: NDArray[np.float64] = block[name].to_numpy(zero_copy_only=False).astype(np.float64)
    return values


def _counts(kinds: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.bincount(kinds, minlength=len(CLASSES))


def _histogram(
    kinds: NDArray[np.int64], values: NDArray[np.float64], edges: NDArray[np.float64]
) -> NDArray[np.int64]:
    return np.stack([np.histogram(values[kinds == kind], edges)[0] for kind in range(len(CLASSES))])
