"""Tables in FITS files, read by the rules of the standard where astropy differs from it.

The standard: FITS 4.0 (2018), section 7. A null of integers is the number *stored* (``TNULL``), before
``TSCAL`` and ``TZERO``; that of a logical column is a zero byte; a text ends at its first zero byte.
"""

import re
from collections.abc import Collection
from typing import Any, BinaryIO

import numpy as np
from astropy.io import fits

_TRUTH = (ord("T"), ord("F"))
_UNSET = (0, ord(" "))
_SUBSTRINGS = re.compile(r"(\d+)A(?:(\d+)|:SSTR(\d+))")


class FitsReader:
    """The first table extension of a FITS file."""

    def __init__(self, stream: BinaryIO) -> None:
        # Texts as bytes: astropy's own decoding is ASCII only.
        self._file = fits.open(stream, character_as_bytes=True)
        tables = (hdu for hdu in self._file if isinstance(hdu, fits.BinTableHDU | fits.TableHDU))
        first = next(tables, None)
        if first is None:
            raise ValueError("it is a FITS file without a table")
        if first.header.get("ZTABLE") is True:
            raise ValueError("its table is compressed tile by tile; unpack it with funpack")
        self._hdu: Any = first
        self.names = [name.strip() for name in self._hdu.columns.names]
        self.units = [str(unit or "") for unit in self._hdu.columns.units]

    def read(self, texts: Collection[int], values: Collection[int]) -> dict[int, Any]:
        """Read the columns of these numbers."""
        try:
            data = self._hdu.data
        except (OSError, TypeError, ValueError) as error:
            raise ValueError("its table is damaged or cut short") from error
        return {number: self._column(data, number) for number in {*texts, *values}}

    def _column(self, data: Any, number: int) -> Any:
        name = self._hdu.columns.names[number]
        stored = np.asarray(data)[data.dtype.names[number]]
        if isinstance(self._hdu, fits.TableHDU):
            return self._fixed_width(data, number, stored)
        code = re.sub(r"^\d*", "", str(self._hdu.columns[number].format))[:1]
        if code in "PQ":
            return self._from_heap(data, number)
        if code == "A":
            return _texts(stored, str(self._hdu.columns[number].format), name)
        if code == "L":
            return _truth_values(_column_of(stored), name)
        if code in "BIJK":
            null = _whole(self._hdu.header.get(f"TNULL{number + 1}"))
            return _integers(_column_of(stored), self._hdu.columns[number], null)
        return _column_of(np.array(data.field(number)))

    def _fixed_width(self, data: Any, number: int, stored: Any) -> Any:
        """Return a column of an ASCII table."""
        if str(self._hdu.columns[number].format).startswith("A"):
            return [bytes(cell).split(b"\0")[0] for cell in stored.tolist()]
        cells = np.array(data.field(number))
        # astropy turns nulls and blank cells into zeros.
        unset = {b"", str(self._hdu.columns[number].null or "").strip().encode()}
        return np.ma.array(cells, mask=np.array([bytes(cell).strip() in unset for cell in stored.tolist()]))

    def _from_heap(self, data: Any, number: int) -> Any:
        """Return a column of variable length: texts, or at most one number per cell."""
        name, form = self._hdu.columns.names[number], str(self._hdu.columns[number].format)
        cells = list(data.field(number))
        if re.search(r"[PQ]A", form):
            return [b"".join(np.asarray(cell, "S1").reshape(-1).tolist()).split(b"\0")[0] for cell in cells]
        lengths = np.array([np.size(cell) for cell in cells])
        if (lengths > 1).any():
            raise ValueError(f"each cell of column {name!r} holds an array")
        numbers = np.array([np.reshape(cell, -1)[0] if np.size(cell) else 0 for cell in cells])
        return np.ma.array(numbers, mask=lengths == 0)


def _column_of(cells: np.ndarray) -> np.ndarray:
    """Return cells that are arrays of one number as plain numbers."""
    return cells.reshape(len(cells)) if cells.ndim > 1 and cells.size == len(cells) else cells


def _texts(stored: Any, form: str, name: str) -> list[bytes]:
    parts = _SUBSTRINGS.fullmatch(form)
    width = int(parts[2] or parts[3]) if parts else 0
    cells = _column_of(np.asarray(stored))
    if cells.ndim > 1 or (parts and 0 < width < int(parts[1])):
        raise ValueError(f"each cell of column {name!r} holds several texts")
    return [bytes(cell).split(b"\0")[0] for cell in cells.tolist()]


def _integers(stored: np.ndarray, column: Any, null: int | None) -> Any:
    """Scale integers, exactly if the zero point is whole, and mask those that are stored as null."""
    scale = 1 if column.bscale in (None, "") else column.bscale
    zero = 0 if column.bzero in (None, "") else column.bzero
    if scale == 1 and zero == 2**63 and stored.dtype.itemsize == 8:
        cells: np.ndarray = stored.astype(np.int64).view(np.uint64) ^ np.uint64(2**63)
    elif scale == 1 and zero == int(zero) and (zero == 0 or stored.dtype.itemsize < 8) and abs(zero) < 2**62:
        cells = stored.astype(np.int64) + int(zero)
    else:
        cells = stored * float(scale) + float(zero)
    return cells if null is None else np.ma.array(cells, mask=stored == null)


def _whole(value: Any) -> int | None:
    """Return a null written as -99, -99.0 or '-99'; astropy ignores the latter two."""
    try:
        return int(value) if float(value) == int(float(value)) else None
    except (TypeError, ValueError, OverflowError):
        return None


def _truth_values(stored: np.ndarray, name: str) -> Any:
    codes = stored.view(np.uint8) if stored.dtype.itemsize == 1 else stored
    strange = ~np.isin(codes, (*_TRUTH, *_UNSET))
    if strange.any():
        row = int(np.argwhere(strange)[0][0])
        code = int(codes.reshape(len(codes), -1)[row][0])
        raise ValueError(
            f"row {row + 1} of the logical column {name!r} holds the byte {code}, which is neither T nor F"
        )
    return np.ma.array(codes == _TRUTH[0], mask=np.isin(codes, _UNSET))
