"""Which field each source is cut from.

Of the fields that have all bands, it is the one in which the source lies farthest from the edge. The others
in which it lies, in this order, are tried if the stamp of the first cannot be used.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from catalog.errors import CatalogError
from catalog.fields.frames import Frame, unit_vectors
from preprocessing.fits.world import SkySystem

MOST_ALTERNATIVES = 3
"""Further fields that are tried."""
BLOCK = 1_000_000
"""Sources that are assigned at once; a block needs about 0.3 GB."""

Ints = NDArray[np.int32]


@dataclass(frozen=True)
class Places:
    """Where sources lie.

    Attributes
    ----------
    field : numpy.ndarray, int32, shape (n,)
        Index of the field; -1 for sources off every field.
    x, y : numpy.ndarray, int32, shape (n,)
        Column and row of the nearest pixel, from 0.
    usable : numpy.ndarray, bool, shape (n,)
        False if the only fields of a source cannot be used.
    offsets : numpy.ndarray, int32, shape (n + 1,)
        Where the other places of each source begin and end in `others`.
    others : numpy.ndarray, int32, shape (m, 3)
        Field, x and y.
    """

    field: Ints
    x: Ints
    y: Ints
    usable: NDArray[np.bool_]
    offsets: Ints
    others: Ints


class Assignment:
    """Finds the fields of sources.

    Parameters
    ----------
    frames : sequence of Frame
    """

    def __init__(self, frames: Sequence[Frame]) -> None:
        self._frames = frames
        self._systems: dict[int, SkySystem] = {}
        self._placed = [index for index, frame in enumerate(frames) if frame.cards is not None]
        # Chords of the unit sphere; above 2 all sources are near.
        self._chords = [2.001 * np.sin(frames[index].radius / 2) + 1e-9 for index in self._placed]

    def system(self, index: int) -> SkySystem:
        """Return the coordinate system of a field; raise `CatalogError` if astropy cannot read it here."""
        if index not in self._systems:
            frame = self._frames[index]
            assert frame.cards is not None
            try:
                self._systems[index] = SkySystem(frame.cards)
            except Exception as error:  # it could before, in another process
                raise CatalogError(f"field {frame.name}: its coordinate system: {error}") from error
        return self._systems[index]

    def of_positions(self, ra: NDArray[np.float64], dec: NDArray[np.float64]) -> Places:
        """Return where sources lie.

        Parameters
        ----------
        ra, dec : numpy.ndarray, float64, shape (n,)
            ICRS [deg], no NaN.
        """
        blocks = [
            self._of_block(ra[start : start + BLOCK], dec[start : start + BLOCK])
            for start in range(0, len(ra), BLOCK)
        ]
        return _joined(blocks)

    def of_pixels(self, field: Ints, x: NDArray[np.float64], y: NDArray[np.float64]) -> Places:
        """Return the places of sources that name their field.

        Parameters
        ----------
        field : numpy.ndarray, int32
            Index; -1 for an unknown field.
        x, y : numpy.ndarray, float64
            FITS pixel coordinates, no NaN.
        """
        sizes = np.array([frame.shape for frame in self._frames] + [(0, 0)])  # the last one is that of -1
        column, row = np.floor(x - 0.5), np.floor(y - 0.5)
        inside = (column >= 0) & (row >= 0) & (column < sizes[field, 1]) & (row < sizes[field, 0])
        # Nothing is known of the size of a field of which no image can be read.
        inside |= (sizes[field, 0] == 0) & (field >= 0)
        bad = np.array([frame.unusable is not None for frame in self._frames] + [False])
        column, row = np.where(inside, column, 0), np.where(inside, row, 0)
        return Places(
            np.where(inside, field, -1).astype(np.int32),
            column.astype(np.int32),
            row.astype(np.int32),
            ~(bad[field] & inside),
            np.zeros(len(x) + 1, np.int32),
            np.empty((0, 3), np.int32),
        )

    def _of_block(self, ra: NDArray[np.float64], dec: NDArray[np.float64]) -> Places:
        count = len(ra)
        found: list[tuple[NDArray[np.int64], int, Ints, Ints, NDArray[np.float64]]] = []
        if self._placed and count:
            vectors = unit_vectors(ra, dec)
            tree = cKDTree(vectors, balanced_tree=False, compact_nodes=False)
            for index, chord in zip(self._placed, self._chords, strict=True):
                near = np.array(tree.query_ball_point(self._frames[index].centre, chord), np.int64)
                if len(near):
                    found += self._inside(index, near, ra, dec)
        if not found:
            none = np.zeros(count, np.int32)
            empty = np.empty((0, 3), np.int32)
            return Places(none - 1, none, none, np.ones(count, bool), np.zeros(count + 1, np.int32), empty)
        source = np.concatenate([near for near, *_ in found])
        field = np.repeat(np.array([item[1] for item in found], np.int32), [len(item[0]) for item in found])
        x, y = (np.concatenate([item[axis] for item in found]) for axis in (2, 3))
        depth = np.concatenate([item[4] for item in found])
        bad = np.array([frame.unusable is not None for frame in self._frames])[field]
        # By source; usable fields first, then the one where it lies farthest from the edge.
        order = np.lexsort([field, -depth, bad, source])
        source, field, x, y, bad = source[order], field[order], x[order], y[order], bad[order]
        return _places(count, source, np.column_stack([field, x, y]).astype(np.int32), bad)

    def _inside(
        self, index: int, near: NDArray[np.int64], ra: NDArray[np.float64], dec: NDArray[np.float64]
    ) -> list[tuple[NDArray[np.int64], int, Ints, Ints, NDArray[np.float64]]]:
        height, width = self._frames[index].shape
        x, y = self.system(index).pixels(ra[near], dec[near])
        with np.errstate(invalid="ignore"):
            depth = np.minimum(np.minimum(x + 0.5, width - 0.5 - x), np.minimum(y + 0.5, height - 0.5 - y))
            inside = depth > 0  # NaN lies outside
        near, x, y = near[inside], np.floor(x[inside] + 0.5), np.floor(y[inside] + 0.5)
        # A source within half a rounding error of the last edge.
        x, y = np.clip(x, 0, width - 1), np.clip(y, 0, height - 1)
        return [(near, index, x.astype(np.int32), y.astype(np.int32), depth[inside])]


def _places(count: int, source: NDArray[np.int64], places: Ints, bad: NDArray[np.bool_]) -> Places:
    """Return the best place of each source, and the usable ones that follow it."""
    first = np.ones(len(source), bool)
    first[1:] = source[1:] != source[:-1]
    starts = np.flatnonzero(first)
    rank = np.arange(len(source)) - np.repeat(starts, np.diff([*starts, len(source)]))
    best = np.zeros((count, 3), np.int32)
    best[:, 0] = -1
    best[source[first]] = places[first]
    usable = np.ones(count, bool)
    usable[source[first]] = ~bad[first]
    other = ~first & ~bad & (rank <= MOST_ALTERNATIVES)
    offsets = np.zeros(count + 1, np.int32)
    np.cumsum(np.bincount(source[other], minlength=count), out=offsets[1:])
    return Places(best[:, 0], best[:, 1], best[:, 2], usable, offsets, places[other])


def _joined(blocks: Sequence[Places]) -> Places:
    if len(blocks) == 1:
        return blocks[0]
    if not blocks:
        none, empty = np.zeros(0, np.int32), np.empty((0, 3), np.int32)
        return Places(none, none, none, np.zeros(0, bool), np.zeros(1, np.int32), empty)
    counts = np.concatenate([np.diff(block.offsets) for block in blocks])
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    field, x, y = (np.concatenate([getattr(block, name) for block in blocks]) for name in ("field", "x", "y"))
    usable = np.concatenate([block.usable for block in blocks])
    return Places(field, x, y, usable, offsets, np.concatenate([block.others for block in blocks]))
