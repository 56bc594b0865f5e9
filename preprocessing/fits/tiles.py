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
from functools import reduce
from itertools import product

import numpy as np

from preprocessing.fits.header import PIXEL_TYPES, Hdu, Header, Unusual

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


def decompress_image(hdu: Hdu, content: bytes) -> np.ndarray:
    """Decompress an image.

    Parameters
    ----------
    hdu : Hdu
        A binary table with ``ZIMAGE = T``.
    content : bytes
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
    header = hdu.header
    algorithm, bits = header.own("ZCMPTYPE"), header.integer("ZBITPIX")
    if decompress_rice_1_c is None or algorithm not in _ALGORITHMS or bits not in _NATIVE:
        raise Unusual(f"{algorithm} with {bits} bits")
    if bits > 0 and (header.has("ZBLANK") or header.has("BLANK")):
        raise Unusual("blank integers")
    axes = range(header.integer("ZNAXIS"), 0, -1)
    shape = tuple(header.integer(f"ZNAXIS{axis}") for axis in axes)
    tile = tuple(header.integer(f"ZTILE{axis}") for axis in axes)
    if min(shape) < 1 or math.prod(shape) > _MAX_PIXELS or min(tile) < 1:
        raise Unusual(f"{shape} pixels in tiles of {tile}")
    table, heap = _table(hdu, content)
    tiles = _Tiles(header, table, heap, str(algorithm), bits)
    edges = [
        [(start, min(start + side, length)) for start in range(0, length, side)]
        for length, side in zip(shape, tile, strict=True)
    ]
    if math.prod(map(len, edges)) != len(table):
        raise Unusual(f"{len(table)} rows for {math.prod(map(len, edges))} tiles")
    sides = [np.array([end - start for start, end in axis]) for axis in edges]
    counts = reduce(np.multiply.outer, sides).reshape(-1).tolist()
    pixels = np.frombuffer(b"".join(tiles.read_all(counts)), _NATIVE[bits])
    if tiles.integers:
        numbers = np.frombuffer(b"".join(tiles.integers), np.int32)
        pixels = np.where(numbers == tiles.blank, np.nan, pixels)
    if all(side == length for side, length in zip(tile[1:], shape[1:], strict=True)):
        return pixels.reshape(shape)  # tiles of whole rows or planes follow each other like the pixels
    image = np.empty(shape, pixels.dtype)
    for place, part in zip(product(*edges), np.split(pixels, np.cumsum(counts)[:-1]), strict=True):
        window = image[tuple(slice(*ends) for ends in place)]
        window[...] = part.reshape(window.shape)
    return image


def _table(hdu: Hdu, content: bytes) -> tuple[np.ndarray, bytes]:
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
    table = np.frombuffer(content, row, rows, hdu.start)
    start = header.integer("THEAP", width * rows)
    return table, content[hdu.start + start : hdu.start + hdu.size]


class _Tiles:
    """Reads the tiles of one image.

    Attributes
    ----------
    blank : int
        The number that stands for NaN where floats are stored as integers; `_NO_BLANK` if there is none.
    integers : list of bytes
        If there is such a number, the integers of the tiles read so far.
    """

    def __init__(self, header: Header, table: np.ndarray, heap: bytes, algorithm: str, bits: int) -> None:
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
        self.integers: list[bytes] = []
        quantization = header.own("ZQUANTIZ")
        if quantization not in _DITHERS:
            raise Unusual(f"ZQUANTIZ = {quantization!r}")
        self._dither, self._seed = _DITHERS[quantization], header.integer("ZDITHER0", 0)
        self._block, self._width = _setting(header, "BLOCKSIZE", 32), _setting(header, "BYTEPIX", 4)
        if self._width not in (1, 2, 4) or not 0 < self._block <= 4096:
            raise Unusual("settings of the Rice algorithm")

    def read_all(self, counts: list[int]) -> list[bytes]:
        """Return the pixels of all tiles in native byte order; `counts` has the pixels of each tile."""
        if self._quantized and all(length for length, _ in self._packed):
            integers = [self._numbers(index, count) for index, count in enumerate(counts)]
            return self._floats(integers, counts, 0)  # all at once, at half the cost
        return [self._read(index, count) for index, count in enumerate(counts)]

    def _read(self, index: int, count: int) -> bytes:
        """Return the pixels of one tile."""
        if self._packed[index][0]:
            numbers = self._numbers(index, count)
            return self._floats([numbers], [count], index)[0] if self._quantized else numbers
        if self._exact is None:
            raise Unusual("a tile without data")
        if self.blank != _NO_BLANK:
            self.integers.append(bytes(4 * count) if self.blank else b"\1" * (4 * count))
        return _unzip(self._bytes_at(self._exact[index]), count, self._bits)

    def _numbers(self, index: int, count: int) -> bytes:
        """Return the numbers of one tile as they were compressed; int32 if they stand for floats."""
        packed = self._bytes_at(self._packed[index])
        if self._is_gzip:
            bits = 32 if self._quantized else self._bits
            return _unzip(packed, count, bits, shuffled=self._algorithm == "GZIP_2")
        numbers = decompress_rice_1_c(packed, self._block, self._width, count)
        if self._width == self._native:
            return numbers
        kind = "u1" if self._width == 1 else f"i{self._width}"
        return np.frombuffer(numbers, kind).astype(f"i{self._native}").tobytes()

    def _floats(self, tiles: list[bytes], counts: list[int], first: int) -> list[bytes]:
        """Convert the integers of successive tiles to floats; `first` is the index of the first tile."""
        if self.blank != _NO_BLANK:
            self.integers += tiles
        scales, zeros = (column[first : first + len(tiles)] for column in (self._scales, self._zeros))
        if self._dither == -1:
            numbers = np.frombuffer(b"".join(tiles), np.int32)
            with np.errstate(over="ignore", invalid="ignore"):
                floats = numbers * np.repeat(scales, counts) + np.repeat(zeros, counts)
                return [floats.astype(_NATIVE[self._bits]).tobytes()]
        unquantize, dither = unquantize_float_c if self._bits == -32 else unquantize_double_c, self._dither
        rows = zip(tiles, counts, scales, zeros, strict=True)
        return [
            unquantize(integers, row, count, scale, zero, dither, 0, 0, 0.0, 4)
            for row, (integers, count, scale, zero) in enumerate(rows, start=first + self._seed)
        ]

    def _bytes_at(self, pointer: list[int]) -> bytes:
        length, offset = pointer
        if length < 0 or offset < 0 or offset + length > len(self._heap):
            raise Unusual("a tile beyond the end of the heap")
        return self._heap[offset : offset + length]


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
