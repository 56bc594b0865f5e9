"""Read rectangular windows of a large FITS image without reading the whole image.

Plain images, and images compressed tile by tile with Rice or gzip, are read by the functions that read
stamps; only the tiles that a window touches are decompressed. What those functions do not handle (HCOMPRESS,
PLIO, blank integers in tiles, files cut short, odd headers) is read by astropy in a child process
(`astropy.io.fits` ``section``). gzip and bzip2 files are unpacked in memory.
"""

from pathlib import Path

import numpy as np

from preprocessing.fits.choice import choose
from preprocessing.fits.content import opened_content
from preprocessing.fits.files import StampError, detail_of
from preprocessing.fits.header import Header, Unusual
from preprocessing.fits.isolated import AstropyEnded
from preprocessing.fits.sources import Source, SourceCandidate, astropy_candidates, scanned_candidates

MAX_FIELD_SIDE = 2**18
"""Longest side of an image of which windows are read [pixels]."""
MAX_BAND_BYTES = 2**31
"""Largest band of rows that is kept: an image that is one tile of 11,000 x 11,000 pixels needs 0.5 GB."""

_ABSENT, _READ, _DAMAGED = 0, 1, 2


class WindowReader:
    """An open image. Windows are read fastest in order of their first row.

    Parameters
    ----------
    path : Path
        The first two-dimensional image that is not constant is used, as for stamps.

    Attributes
    ----------
    path : Path
    header : Header
        Header of its HDU, with the primary header as a fallback.
    shape : (int, int)
        Height and width [pixels].

    Raises
    ------
    StampError
        ``missing_file``, ``not_a_file``, ``too_large``, ``unreadable``, ``no_image`` or ``wrong_planes``.

    Notes
    -----
    A band of rows is kept in memory, from the first row of the last window. Tiles in it are read when a
    window first touches them. When the windows move on, the rows above them are dropped. A window above the
    band is read as well, but the band begins anew there.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._content = opened_content(path)
        self._beyond_astropy = ""
        self._use(self._chosen().source)
        self.header: Header = self._source.header
        self.shape: tuple[int, int] = self._source.shape

    def _chosen(self) -> SourceCandidate:
        try:
            try:
                found = choose(scanned_candidates(self._content), 1, self.path, MAX_FIELD_SIDE)
                _ = found.source  # raises `Unusual` here
                return found
            except Unusual:
                self._content = b""
                return choose(astropy_candidates(self.path), 1, self.path, MAX_FIELD_SIDE)
        except StampError:
            raise
        except Exception as error:
            message = f"not readable as FITS: {detail_of(error)}"
            raise StampError("unreadable", self.path, message) from error

    def _use(self, source: Source) -> None:
        self._source = source
        grid = tuple(-(-length // side) for length, side in zip(source.shape, source.tile, strict=True))
        self._state = np.zeros(grid, np.uint8)
        self._damage: dict[int, str] = {}
        self._band = np.empty((0, source.shape[1]), np.float32)
        self._first = 0  # row of the image that is the first of the band

    @property
    def memory(self) -> int:
        """Bytes that are kept in memory."""
        return self._band.nbytes + (len(self._content) if isinstance(self._content, bytes) else 0)

    def read(self, top: int, left: int, height: int, width: int) -> np.ndarray:
        """Read a window.

        Parameters
        ----------
        top, left : int
            First row and column, from 0; may lie outside the image.
        height, width : int
            [pixels].

        Returns
        -------
        numpy.ndarray, float32, shape (height, width)
            The pixels that `preprocessing.fits.reading.read_image` gives. Pixels beyond the edge of the image
            are NaN.

        Raises
        ------
        StampError
            ``unreadable`` if a tile that the window touches is damaged; other windows can still be read.
        """
        first, last = max(top, 0), min(top + height, self.shape[0])
        start, end = max(left, 0), min(left + width, self.shape[1])
        if first >= last or start >= end:
            return np.full((height, width), np.nan, np.float32)
        self._ensure(first, last, start, end)
        inside = self._band[first - self._first : last - self._first, start:end]
        if inside.shape == (height, width):
            return inside.copy()
        window = np.full((height, width), np.nan, np.float32)
        window[first - top : last - top, start - left : end - left] = inside
        return window

    def _ensure(self, first: int, last: int, start: int, end: int) -> None:
        """Read the tiles of some rows and columns that are not in the band yet."""
        try:
            self._read_missing(first, last, start, end)
        except Unusual:
            if not self._beyond_astropy:
                self._change_to_astropy()
            if self._beyond_astropy:
                raise StampError("unreadable", self.path, self._beyond_astropy) from None
            self._read_missing(first, last, start, end)

    def _change_to_astropy(self) -> None:
        """Let astropy read the image from now on, or note why it cannot; then other tiles are still read."""
        try:
            found = choose(astropy_candidates(self.path), 1, self.path, MAX_FIELD_SIDE)
            if found.shape != self.shape:  # the two readers choose by the same rule
                raise ValueError("astropy finds another image in it")
            self._use(found.source)
            self._content = b""
        except (StampError, AstropyEnded, ValueError) as error:
            detail = error.message if isinstance(error, StampError) else detail_of(error)
            self._beyond_astropy = f"not readable as FITS: {detail}"

    def _read_missing(self, first: int, last: int, start: int, end: int) -> None:
        high, wide = self._source.tile
        rows = slice(first // high, -(-last // high))
        columns = slice(start // wide, -(-end // wide))
        self._move(rows)
        wanted = self._state[rows, columns]
        if not wanted.all():  # most windows need no new tile, or some new rows
            down, across = np.nonzero(wanted == _ABSENT)
            indices = (rows.start + down) * self._state.shape[1] + columns.start + across
            self._decode(indices.tolist())
            wanted = self._state[rows, columns]
        if self._damage and (wanted == _DAMAGED).any():
            row, column = np.argwhere(wanted == _DAMAGED)[0].tolist()
            self._raise_damage(rows.start + row, columns.start + column)

    def _raise_damage(self, row: int, column: int) -> None:
        high, wide = self._source.tile
        place = f"rows {row * high + 1} to {min((row + 1) * high, self.shape[0])}"
        if self._state.shape[1] > 1:
            place += f", columns {column * wide + 1} to {min((column + 1) * wide, self.shape[1])}"
        detail = self._damage[row * self._state.shape[1] + column]
        raise StampError("unreadable", self.path, f"the pixels of {place} cannot be read: {detail}")

    def _move(self, rows: slice) -> None:
        """Let the band begin at or above some rows of tiles, and reach below them."""
        high = self._source.tile[0]
        first, last = rows.start * high, min(rows.stop * high, self.shape[0])
        if self._first <= first and last <= self._first + len(self._band):
            return
        need = last - first
        kept = max(0, self._first + len(self._band) - first) if self._first <= first else 0
        if need > len(self._band):
            capacity = min(self.shape[0], need + max(need, 64))
            if 4 * capacity * self.shape[1] > MAX_BAND_BYTES:
                raise StampError(
                    "too_large",
                    self.path,
                    f"tiles of {self._source.tile[1]} x {high} pixels need"
                    f" {capacity * self.shape[1] / 2**28:.1f} GiB of memory; compress it in smaller tiles",
                )
            band = np.empty((capacity, self.shape[1]), np.float32)
        else:
            band = self._band
        if kept:
            band[:kept] = self._band[len(self._band) - kept :]
            self._forget(slice(self._first // high, rows.start))
        else:
            self._forget(slice(None))
        self._band, self._first = band, first

    def _forget(self, rows: slice) -> None:
        state = self._state[rows]
        state[state == _READ] = _ABSENT

    def _decode(self, indices: list[int]) -> None:
        if not indices:
            return
        try:
            self._store(indices, self._source.pixels(indices))
        except (Unusual, MemoryError):
            raise
        except Exception as error:
            if len(indices) > 1:
                for index in indices:
                    self._decode([index])
                return
            self._damage[indices[0]] = detail_of(error)
            self._state.flat[indices[0]] = _DAMAGED

    def _store(self, indices: list[int], pixels: np.ndarray) -> None:
        high, wide = self._source.tile
        across, offset = self._state.shape[1], 0
        if across == 1 and len(indices) == indices[-1] - indices[0] + 1:
            first = indices[0] * high - self._first
            rows = pixels.reshape(-1, self.shape[1])
            self._band[first : first + len(rows)] = rows
        else:
            for index in indices:
                row, column = index // across * high, index % across * wide
                height, width = min(high, self.shape[0] - row), min(wide, self.shape[1] - column)
                part = pixels[offset : offset + height * width].reshape(height, width)
                top = row - self._first
                self._band[top : top + height, column : column + width] = part
                offset += height * width
        self._state.flat[indices] = _READ
