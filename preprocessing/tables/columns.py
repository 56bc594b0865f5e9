"""Columns of a table, as texts or as numbers."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from preprocessing.locations import Location
from preprocessing.tables.text import decode

_WORDS = {"true": 1.0, "false": 0.0, "t": 1.0, "f": 0.0}
_DECIMAL_COMMA = re.compile(r"[+-]?[\d.]*,\d|\d{1,3}[:\s]\s*\d{1,2}[:\s]\s*\d{1,2},\d")
_SCIENTIFIC = re.compile(r"[+-]?(\d*)(?:([.,])(\d*))? ?[eEdD]([+-]?)(\d{1,3})")
_WITH_POINT = re.compile(r"[+-]?(\d+)[.,]\d*")
_EXACT = 2**53  # a double holds every integer up to this
_SPREADSHEET_DIGITS = 15


class TableError(Exception):
    """A table that cannot be used. The message is one sentence that names the file.

    Attributes
    ----------
    key : str
        The key of `[data]` that names such tables.
    """

    key = "labels"


class EmptyTableError(TableError):
    """A table that has columns, but no rows."""


@dataclass(frozen=True)
class Columns:
    """Columns of a table.

    Attributes
    ----------
    path : Path or Remote
    rows : int
    cells : dict
        Lists or arrays by name of the column, in lower case.
    units : dict of str to str
        Unit by name of the column; empty if the file has none.
    """

    path: Location
    rows: int
    cells: dict[str, Any]
    units: dict[str, str]

    def texts(self, name: str) -> list[str]:
        """Return a column as texts without leading and trailing blanks; empty for missing cells."""
        cells = self.cells[name]
        if isinstance(cells, list):
            return [cell.strip() if type(cell) is str else _text(cell) for cell in cells]
        self._refuse_arrays(name)
        if cells.dtype.kind == "f":
            return _texts_of_floats(np.ma.filled(cells, np.nan))
        texts = [_text(cell) for cell in np.ma.getdata(cells).tolist()]
        for row in np.flatnonzero(np.ma.getmaskarray(cells)):
            texts[row] = ""
        return texts

    def identifiers(self, name: str) -> list[str]:
        """Return a column of names as texts; refuse long numbers whose last digits are lost."""
        texts = self.texts(name)
        cells = self.cells[name]
        if isinstance(cells, list):
            row = next((row for row, text in enumerate(texts) if _has_lost_digits(text)), None)
            row = _ending_in_zeros(texts) if row is None else row
            lost = None if row is None else texts[row]
        elif cells.dtype.kind == "f":
            numbers = np.ma.filled(cells, np.nan)
            beyond = np.isfinite(numbers) & (np.abs(numbers) >= 2.0 ** (np.finfo(numbers.dtype).nmant + 1))
            row = int(np.argmax(beyond)) if beyond.any() else None
            lost = None if row is None else str(numbers[row])
        else:
            row = _ending_in_zeros(texts)
            lost = None if row is None else texts[row]
        if row is not None:
            raise TableError(
                f"{self.path}: column {name!r} holds names as floating-point numbers ({lost}), whose last"
                f" digits are lost, first in row {row + 1}; write them as integers or text"
            )
        return texts

    def is_text(self, name: str) -> bool:
        """Return whether a column holds texts in the file."""
        cells = self.cells[name]
        return isinstance(cells, list) or cells.dtype.kind not in "biuf"

    def numbers(self, name: str | None) -> NDArray[np.float64]:
        """Return a column as numbers; NaN for cells that are not numbers, or if `name` is None."""
        if name is None:
            return np.full(self.rows, np.nan)
        cells = self.cells[name]
        self._refuse_arrays(name)
        if not self.is_text(name):
            return np.ma.filled(np.ma.asarray(cells).astype(np.float64), np.nan)
        return np.array([number_in(text) for text in self.numerals(name)])

    def numerals(self, name: str) -> list[str]:
        """Return a column of numbers as `texts` does; refuse decimal commas."""
        texts = self.texts(name)
        for row, text in enumerate(texts):
            # Otherwise it would silently count as missing.
            if "," in text and _DECIMAL_COMMA.match(text):
                raise TableError(
                    f"{self.path}: row {row + 1} of column {name!r} has the number {text[:40]!r} with a"
                    " comma; write numbers with a decimal point"
                )
        return texts

    def _refuse_arrays(self, name: str) -> None:
        if np.ndim(self.cells[name]) != 1:
            raise TableError(f"{self.path}: each cell of column {name!r} holds an array")


def _text(cell: Any) -> str:
    if cell is None:
        return ""
    return (decode(cell) if isinstance(cell, bytes) else str(cell)).strip()


def _texts_of_floats(cells: NDArray[np.floating]) -> list[str]:
    """Return numbers as texts; as integers if all are whole."""
    finite = cells[np.isfinite(cells)]
    whole = bool((finite == np.floor(finite)).all())
    spell: Callable[[Any], str] = (lambda cell: str(int(cell))) if whole else str
    # Not tolist(): a 32-bit 1.1 must become 1.1, not 1.100000023841858.
    return [spell(cell) if np.isfinite(cell) else "" for cell in cells]


def _has_lost_digits(text: str) -> bool:
    """Return whether a name is a number that a spreadsheet or a program has rounded."""
    if text.isdigit():
        return False
    if scientific := _SCIENTIFIC.fullmatch(text):
        whole, point, fraction, sign, exponent = scientific.groups()
        if not (whole or fraction) or sign == "-":
            return False
        size, digits = len(whole or "") + int(exponent), len((whole or "") + (fraction or ""))
        # A name such as 1e5 or 3E08 is accepted: rounded numbers have more digits.
        return size > 15 if not (point or sign) else digits < size or size > 15
    if pointed := _WITH_POINT.fullmatch(text):
        return int(pointed[1]) >= _EXACT
    return False


def _ending_in_zeros(texts: list[str]) -> int | None:
    """Return the row of the first long integer if all end in zeros after a spreadsheet's 15 digits."""
    first = None
    for row, text in enumerate(texts):
        if len(text) > _SPREADSHEET_DIGITS and text.isdigit() and not text.startswith("0"):
            if text[_SPREADSHEET_DIGITS:].strip("0"):
                return None
            if len(text) >= _SPREADSHEET_DIGITS + 3:
                first = row if first is None else first
    return first


def number_in(text: str) -> float:
    """Return the number in a text; NaN if it is not a number."""
    try:
        return float(text)
    except ValueError:
        return _WORDS.get(text.lower(), np.nan)
