"""Where the pixels of windows come from: images that are read tile by tile.

Each image is a grid of tiles; those of an image that is not compressed are its rows.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Protocol

import numpy as np

from preprocessing.fits.choice import varies
from preprocessing.fits.header import PIXEL_TYPES, Content, Hdu, Header, Unusual, scan_hdus
from preprocessing.fits.image import scaled
from preprocessing.fits.isolated import IsolatedReader
from preprocessing.fits.tiles import TiledImage

ASTROPY_ROWS = 64
"""Rows that astropy is asked for at once; fpack puts 16 into an HCOMPRESS tile."""
_SAMPLE = 2**20  # pixels that are read at once to find out whether an image is constant

ASTROPY = IsolatedReader()
"""Its process keeps files open, and ends with this one."""


class Source(Protocol):
    """A two-dimensional image in tiles.

    Attributes
    ----------
    header : Header
    shape, tile : (int, int)
        Size of the image and of a whole tile [pixels]: height, width.
    """

    header: Header
    shape: tuple[int, int]
    tile: tuple[int, int]

    def pixels(self, indices: Sequence[int]) -> np.ndarray:
        """Return the pixels of some tiles, one tile after the other.

        Parameters
        ----------
        indices : sequence of int
            Row by row through the grid of tiles.

        Returns
        -------
        numpy.ndarray, float32
            By the rules of `preprocessing.fits.reading.read_image`.

        Raises
        ------
        Unusual
            If only astropy can read them.
        Exception
            Of many kinds, for damaged tiles.
        """


class PlainSource:
    """An image that is not compressed."""

    def __init__(self, hdu: Hdu, shape: tuple[int, int], content: Content) -> None:
        self.header, self.shape, self.tile = hdu.header, shape, (1, shape[1])
        self._start, self._content = hdu.start, content
        self._bits = hdu.header.integer("BITPIX")

    def pixels(self, indices: Sequence[int]) -> np.ndarray:
        """Return rows; successive ones are read at once."""
        width = self.shape[1] * abs(self._bits) // 8
        starts = [self._start + first * width for first, _ in _runs(indices)]
        ends = [self._start + end * width for _, end in _runs(indices)]
        parts = [self._content[start:end] for start, end in zip(starts, ends, strict=True)]
        return scaled(np.frombuffer(b"".join(parts), PIXEL_TYPES[self._bits]), self._bits, self.header)


def _runs(indices: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield first index and the one after the last of each run of successive ones."""
    first = end = indices[0]
    for index in indices:
        if index != end:
            yield first, end
            first = index
        end = index + 1
    yield first, end


class CompressedSource:
    """An image that is compressed tile by tile."""

    def __init__(self, hdu: Hdu, shape: tuple[int, int], content: Content) -> None:
        self.header, self.shape = hdu.header, shape
        self._bits = hdu.header.integer("ZBITPIX")
        self._tiled = TiledImage(hdu, content)
        if math.prod(self._tiled.tile[:-2]) != 1:
            raise Unusual("tiles of several planes")
        first, second = (*([1] * (2 - len(self._tiled.tile))), *self._tiled.tile[-2:])
        self.tile = min(first, shape[0]), min(second, shape[1])

    def pixels(self, indices: Sequence[int]) -> np.ndarray:
        """Decompress tiles."""
        return scaled(self._tiled.pixels(indices), self._bits, self.header)


class AstropySource:
    """An image that only astropy can read; its pixels are read in a child process, by `Section`."""

    def __init__(self, path: Path, number: int, shape: tuple[int, int], header: Header) -> None:
        self.header, self.shape, self.tile = header, shape, (min(ASTROPY_ROWS, shape[0]), shape[1])
        self._path, self._number = path, number

    def pixels(self, indices: Sequence[int]) -> np.ndarray:
        """Ask for bands of rows."""
        high = self.tile[0]
        parts = [
            ASTROPY.rows(self._path, self._number, first * high, min(end * high, self.shape[0]))
            for first, end in _runs(indices)
        ]
        return np.concatenate(parts).reshape(-1)


@dataclass(frozen=True)
class SourceCandidate:
    """An image of a file, for `preprocessing.fits.choice.choose`.

    Attributes
    ----------
    shape : tuple of int
    last : bool
    open : callable
        Returns its `Source`, or raises `Unusual`; for images of two dimensions.
    """

    shape: tuple[int, ...]
    last: bool
    open: partial[Source]

    @cached_property
    def source(self) -> Source:
        """The image itself."""
        return self.open()

    def varies(self) -> bool:
        """Return whether it holds two different numbers; usually a few rows tell."""
        source = self.source
        across = -(-source.shape[1] // source.tile[1])
        count = across * -(-source.shape[0] // source.tile[0])
        step = max(1, _SAMPLE // math.prod(source.tile))
        seen = np.empty(0, np.float32)
        for start in range(0, count, step):
            try:
                pixels = source.pixels(range(start, min(start + step, count)))
            except (Unusual, MemoryError):
                raise
            except Exception:  # damage costs the objects there, later; the other tiles tell
                continue
            pixels = np.concatenate([seen, pixels])
            if varies(pixels):
                return True
            finite = pixels[np.isfinite(pixels)]
            seen = finite[:1]
        return False


def scanned_candidates(content: Content) -> Iterator[SourceCandidate]:
    """Yield the images of a file that the fast reader finds; `Unusual` where it cannot go on."""
    for hdu in scan_hdus(content):
        if hdu.is_image or hdu.is_compressed_image:
            shape = hdu.shape("Z" if hdu.is_compressed_image else "")
            kind = CompressedSource if hdu.is_compressed_image else PlainSource
            yield SourceCandidate(shape, hdu.last, partial(kind, hdu, shape, content))  # type: ignore[arg-type]


def astropy_candidates(path: Path) -> Iterator[SourceCandidate]:
    """Yield the images of a file that astropy finds."""
    for number, shape, cards, primary in ASTROPY.images(path):
        header = Header(cards, Header(primary))
        yield SourceCandidate(shape, False, partial(AstropySource, path, number, shape, header))  # type: ignore[arg-type]
