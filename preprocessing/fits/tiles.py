"""Decompress tile-compressed images several times as fast as through astropy's public interface.

The compiled functions are those of astropy, so the pixels are the same to the bit. The time is saved on the
table, the header and the slices that astropy builds for each tile (usually a row of pixels). Sizes are
checked before anything is unpacked. What is not handled here (HCOMPRESS, PLIO, odd columns) raises `Unusual`
and is left to astropy.

Source: FITS 4.0 (2018), section 10; White et al., "Tiled image convention", 2012.
"""

import math
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import product

import numpy as np

from preprocessing.fits.header import PIXEL_TYPES, Content, Hdu, Header, Unusual

try:
    # These are not public. If they are missing, everything is read through astropy's public interface.
    from astropy.io.fits.hdu.compressed._compression import (
        CfitsioException,
        decompress_rice_1_c,
        unquantize_double_c,
        unquantize_float_c,
    )
except ImportError:
    CfitsioException = OSError
    decompress_rice_1_c = unquantize_double_c = unquantize_float_c = None

_SCALARS = {"B": "u1", "I": ">i2", "J": ">i4", "K": ">i8", "E": ">f4", "D": ">f8"}
_FORMAT = re.compile(r"1?(?:([PQ])([BIJ])(?:\(\d+\))?|([BIJKED]))")
_NATIVE = {8: np.uint8, 16: np.int16, 32: np.int32, -32: np.float32, -64: np.float64}
_ALGORITHMS = ("RICE_1", "RICE_ONE", "GZIP_1", "GZIP_2")
_DITHERS = {None: -1, "NO_DITHER": -1, "SUBTRACTIVE_DITHER_1": 1, "SUBTRACTIVE_DITHER_2": 2}
_MAX_PIXELS = 2**26
_NO_BLANK = 2**63  # larger than any number of a tile


def decompress_image(hdu: Hdu, content: Content) -> np.ndarray:
    """Decompress an image.

    Parameters
    ----------
    hdu : Hdu
        A binary table with ``ZIMAGE = T``.
    content : Content
        The whole file.

    Returns
    -------
    numpy.ndarray
        As stored before ``BSCALE`` and ``BZERO``: uint8, int16, int32, float32 or float64, native.

    Raises
    ------
    Unusual
        For images that only astropy can read.
    """
    tiled = TiledImage(hdu, content)
    if math.prod(tiled.shape) > _MAX_PIXELS:
        raise Unusual(f"{tiled.shape} pixels")
    pixels = tiled.pixels(range(len(tiled.counts)))
    if all(side == length for side, length in zip(tiled.tile[1:], tiled.shape[1:], strict=True)):
        return pixels.reshape(tiled.shape)  # tiles of whole rows or planes follow each other like the pixels
    image = np.empty(tiled.shape, pixels.dtype)
    places, ends = product(*tiled.edges), np.cumsum(tiled.counts)[:-1]
    for place, part in zip(places, np.split(pixels, ends), strict=True):
        window = image[tuple(slice(*ends) for ends in place)]
        window[...] = part.reshape(window.shape)
    return image


class TiledImage:
    """A compressed image of which single tiles can be decompressed.

    Parameters
    ----------
    hdu : Hdu
        A binary table with ``ZIMAGE = T``.
    content : Content
        The whole file.

    Attributes
    ----------
    shape, tile : tuple of int
        Size of the image and of a whole tile, in numpy's order.
    edges : list of list of (int, int)
        First pixel of each tile and the one after its last, for each axis.
    counts : list of int
        Number of pixels of each tile, in the order of the table.

    Raises
    ------
    Unusual
        For images that only astropy can read; also raised by `pixels`.
    """

    def __init__(self, hdu: Hdu, content: Content) -> None:
        header = hdu.header
        algorithm, bits = header.own("ZCMPTYPE"), header.integer("ZBITPIX")
        if decompress_rice_1_c is None or algorithm not in _ALGORITHMS or bits not in _NATIVE:
            raise Unusual(f"{algorithm} with {bits} bits")
        if bits > 0 and (header.has("ZBLANK") or header.has("BLANK")):
            raise Unusual("blank integers")
        axes = range(header.integer("ZNAXIS"), 0, -1)
        self.shape = tuple(header.integer(f"ZNAXIS{axis}") for axis in axes)
        self.tile = tuple(header.integer(f"ZTILE{axis}") for axis in axes)
        if not self.shape or min(self.shape) < 1 or min(self.tile) < 1:
            raise Unusual(f"{self.shape} pixels in tiles of {self.tile}")
        self.edges = [
            [(start, min(start + side, length)) for start in range(0, length, side)]
            for length, side in zip(self.shape, self.tile, strict=True)
        ]
        table, heap = _table(hdu, content)
        if math.prod(map(len, self.edges)) != len(table):
            raise Unusual(f"{len(table)} rows for {math.prod(map(len, self.edges))} tiles")
        sides = [np.array([end - start for start, end in axis]) for axis in self.edges]
        self.counts: list[int] = reduce(np.multiply.outer, sides).reshape(-1).tolist()
        self._bits, self._tiles = bits, _Tiles(header, table, heap, str(algorithm), bits)

    def pixels(self, indices: Sequence[int]) -> np.ndarray:
        """Return the pixels of some tiles, one tile after the other, as `decompress_image` does."""
        tiles, integers = self._tiles.read(indices, [self.counts[index] for index in indices])
        pixels = np.frombuffer(b"".join(tiles), _NATIVE[self._bits])
        if integers:
            numbers = np.frombuffer(b"".join(integers), np.int32)
            pixels = np.where(numbers == self._tiles.blank, np.nan, pixels)
        return pixels


@dataclass(frozen=True)
class _Heap:
    """The bytes that the rows of a table refer to."""

    content: Content
    start: int
    end: int

    def bytes_at(self, pointer: Sequence[int]) -> bytes:
        length, offset = pointer
        start = self.start + offset
        if length < 0 or offset < 0 or start + length > self.end:
            raise Unusual("a tile beyond the end of the heap")
        return self.content[start : start + length]

    def parts(self, pointers: Sequence[Sequence[int]]) -> list[bytes]:
        """Return what `bytes_at` does for each of some pointers; of a file by one read, if they are close."""
        if not isinstance(self.content, bytes) and len(pointers) > 1:
            first = min(offset for _, offset in pointers)
            size = max(offset + length for length, offset in pointers) - first
            if first >= 0 and 0 < size <= 2 * sum(length for length, _ in pointers):
                whole = _Heap(self.bytes_at((size, first)), 0, size)
                return [whole.bytes_at((length, offset - first)) for length, offset in pointers]
        return [self.bytes_at(pointer) for pointer in pointers]


def _table(hdu: Hdu, content: Content) -> tuple[np.ndarray, _Heap]:
    """Return the rows of the table, and the heap that they refer to."""
    header = hdu.header
    names, formats = [], []
    for number in range(1, header.integer("TFIELDS") + 1):
        matched = _FORMAT.fullmatch(str(header.own(f"TFORM{number}") or ""))
        name = header.own(f"TTYPE{number}")
        if not matched or not isinstance(name, str) or name in names:
            raise Unusual(f"column {number}")
        pointer, element, scalar = matched.groups()
        if pointer and element != "B":
            raise Unusual("a heap of other than bytes")
        names.append(name)
        formats.append(f"2{'>i4' if pointer == 'P' else '>i8'}" if pointer else _SCALARS[scalar])
    row = np.dtype(list(zip(names, formats, strict=True)))
    width, rows = header.integer("NAXIS1"), header.integer("NAXIS2")
    if row.itemsize != width or "COMPRESSED_DATA" not in names or header.integer("BITPIX") != 8:
        raise Unusual("a table of another layout")
    table = np.frombuffer(content[hdu.start : hdu.start + width * rows], row, rows)
    start = header.integer("THEAP", width * rows)
    return table, _Heap(content, hdu.start + start, hdu.start + hdu.size)


class _Tiles:
    """Reads the tiles of one image.

    Attributes
    ----------
    blank : int
        The number that stands for NaN where floats are stored as integers; `_NO_BLANK` if there is none.
    """

    def __init__(self, header: Header, table: np.ndarray, heap: _Heap, algorithm: str, bits: int) -> None:
        names = table.dtype.names or ()
        self._heap, self._bits, self._algorithm = heap, bits, algorithm
        self._packed = table["COMPRESSED_DATA"].tolist()
        # Tiles that would lose too much by rounding to integers are stored as gzipped floats.
        self._exact = table["GZIP_COMPRESSED_DATA"].tolist() if "GZIP_COMPRESSED_DATA" in names else None
        self._quantized, self._is_gzip = "ZSCALE" in names, algorithm.startswith("GZIP")
        self._native = 4 if self._quantized else abs(bits) // 8
        if bits < 0 and not self._quantized and not self._is_gzip:
            raise Unusual("floats that were not made integers")
        if self._quantized and (bits > 0 or "ZZERO" not in names or "ZBLANK" in names):
            raise Unusual("scales without zeros, or for integers, or a blank for each tile")
        if self._quantized:
            self._scales, self._zeros = table["ZSCALE"].tolist(), table["ZZERO"].tolist()
        self.blank = header.integer("ZBLANK", _NO_BLANK) if self._quantized else _NO_BLANK
        quantization = header.own("ZQUANTIZ")
        if quantization not in _DITHERS:
            raise Unusual(f"ZQUANTIZ = {quantization!r}")
        self._dither, self._seed = _DITHERS[quantization], header.integer("ZDITHER0", 0)
        self._block, self._width = _setting(header, "BLOCKSIZE", 32), _setting(header, "BYTEPIX", 4)
        if self._width not in (1, 2, 4) or not 0 < self._block <= 4096:
            raise Unusual("settings of the Rice algorithm")

    def read(self, indices: Sequence[int], counts: Sequence[int]) -> tuple[list[bytes], list[bytes]]:
        """Read tiles.

        Parameters
        ----------
        indices : sequence of int
        counts : sequence of int
            The number of pixels of each of these tiles.

        Returns
        -------
        pixels : list of bytes
            In native byte order.
        integers : list of bytes
            What the pixels were before they became floats, if one of these integers stands for NaN;
            otherwise empty.
        """
        packed = self._heap.parts([self._packed[index] for index in indices])
        tiles = list(zip(indices, packed, counts, strict=True))
        if not self._quantized:
            return [self._plain(*tile) for tile in tiles], []
        if all(packed):
            integers = [self._numbers(part, count) for _, part, count in tiles]
            pixels = self._floats(integers, indices, counts)  # all at once, at half the cost
        else:
            both = [self._quantized_or_exact(*tile) for tile in tiles]
            integers, pixels = [tile[0] for tile in both], [tile[1] for tile in both]
        return pixels, integers if self.blank != _NO_BLANK else []

    def _plain(self, index: int, packed: bytes, count: int) -> bytes:
        return self._numbers(packed, count) if packed else self._exactly(index, count)

    def _quantized_or_exact(self, index: int, packed: bytes, count: int) -> tuple[bytes, bytes]:
        """Return integers and pixels of one tile."""
        if packed:
            numbers = self._numbers(packed, count)
            return numbers, self._floats([numbers], [index], [count])[0]
        # Integers that do not stand for NaN.
        return bytes(4 * count) if self.blank else b"\1" * (4 * count), self._exactly(index, count)

    def _exactly(self, index: int, count: int) -> bytes:
        if self._exact is None:
            raise Unusual("a tile without data")
        return _unzip(self._heap.bytes_at(self._exact[index]), count, self._bits)

    def _numbers(self, packed: bytes, count: int) -> bytes:
        """Return the numbers of one tile as they were compressed; int32 if they stand for floats."""
        if self._is_gzip:
            bits = 32 if self._quantized else self._bits
            return _unzip(packed, count, bits, shuffled=self._algorithm == "GZIP_2")
        numbers: bytes = decompress_rice_1_c(packed, self._block, self._width, count)
        if self._width == self._native:
            return numbers
        kind = "u1" if self._width == 1 else f"i{self._width}"
        return np.frombuffer(numbers, kind).astype(f"i{self._native}").tobytes()

    def _floats(self, tiles: Sequence[bytes], indices: Sequence[int], counts: Sequence[int]) -> list[bytes]:
        """Convert the integers of some tiles to floats."""
        scales = [self._scales[index] for index in indices]
        zeros = [self._zeros[index] for index in indices]
        if self._dither == -1:
            numbers = np.frombuffer(b"".join(tiles), np.int32)
            with np.errstate(over="ignore", invalid="ignore"):
                floats = numbers * np.repeat(scales, counts) + np.repeat(zeros, counts)
                return [floats.astype(_NATIVE[self._bits]).tobytes()]
        unquantize, dither = unquantize_float_c if self._bits == -32 else unquantize_double_c, self._dither
        rows = zip(tiles, indices, counts, scales, zeros, strict=True)
        return [
            unquantize(integers, index + self._seed, count, scale, zero, dither, 0, 0, 0.0, 4)
            for integers, index, count, scale, zero in rows
        ]


def _setting(header: Header, name: str, default: int) -> int:
    for number in range(1, 10):
        found = header.own(f"ZNAME{number}")
        if isinstance(found, str) and found.upper() == name:
            return header.integer(f"ZVAL{number}")
    return default


def _unzip(packed: bytes, count: int, bits: int, shuffled: bool = False) -> bytes:
    """Unzip `count` numbers to native byte order. A size limit guards against tiles of gigabytes."""
    limit = 8 * count
    try:
        unpacked = zlib.decompressobj(wbits=31).decompress(packed, limit + 1)
    except zlib.error as error:
        raise ValueError(f"a damaged gzip tile: {error}") from error
    if len(unpacked) > limit:
        raise ValueError(f"a gzip tile of {count} pixels unpacks to more than {limit} bytes")
    width = abs(bits) // 8
    if len(unpacked) != count * width:
        raise Unusual("a tile of numbers of another width")
    if shuffled:  # the first bytes of all numbers, then the second bytes, and so on
        unpacked = np.frombuffer(unpacked, np.uint8).reshape(width, count).T.tobytes()
    return np.frombuffer(unpacked, PIXEL_TYPES[bits]).astype(_NATIVE[bits]).tobytes()
