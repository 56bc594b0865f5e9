"""VOTables. The standard: Ochsenbein et al., VOTable Format Definition 1.4 (IVOA 2019)."""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO
from xml.etree import ElementTree

import numpy as np
from astropy.io import votable

from preprocessing.tables.text import NULL_WORDS

_TEXTS = ("char", "unicodeChar")
_FLOATS = {"float": np.float32, "double": np.float64}
_WHOLE = re.compile(r"[+-]?\d+|0[xX][0-9a-fA-F]+")
_TRUTH = {"true": "true", "t": "true", "1": "true", "false": "false", "f": "false", "0": "false"}


@dataclass
class _Field:
    """A column, as declared in the head of the file."""

    name: str
    unit: str
    datatype: str
    arraysize: str
    null: str | None = None


class VotableReader:
    """The first table of a VOTable."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._fields: list[_Field] = []
        self._in_rows = False
        inside = None
        for event, element in ElementTree.iterparse(stream, events=("start", "end")):
            tag = element.tag.rpartition("}")[2]
            if (event, tag) == ("start", "FIELD"):
                name = str(element.get("name") or element.get("ID") or "").strip()
                kind, size = str(element.get("datatype") or ""), str(element.get("arraysize") or "")
                inside = _Field(name, str(element.get("unit") or ""), kind, size)
                self._fields.append(inside)
            elif (event, tag) == ("end", "FIELD"):
                inside = None
            elif tag == "VALUES" and inside is not None and element.get("null") is not None:
                inside.null = str(element.get("null")).strip()
            elif tag == "STREAM" and element.get("href"):
                # Reading them would mean opening any address that a file names.
                raise ValueError(f"its data are in another file, {element.get('href')!r}")
            elif tag in ("STREAM", "TR", "TABLEDATA") or (event, tag) == ("end", "TABLE"):
                self._in_rows = tag in ("TR", "TABLEDATA")
                break
        if not self._fields:
            raise ValueError("it is a VOTable without a table")
        self.names = [field.name for field in self._fields]
        self.units = [field.unit for field in self._fields]
        stream.seek(0)

    def read(self, texts: Collection[int], values: Collection[int]) -> dict[int, Any]:
        """Read the columns of these numbers."""
        numbers = sorted({*texts, *values})
        return self._from_rows(numbers) if self._in_rows else self._from_stream(numbers)

    def _from_rows(self, numbers: list[int]) -> dict[int, Any]:
        """Read the cells as written in the file, whatever width their columns declare.

        astropy would clip a number, or cut a text, that is too wide for its column.
        """
        columns: dict[int, list[str]] = {number: [] for number in numbers}
        for row, cells in enumerate(self._rows(), 1):
            if len(cells) > len(self._fields):
                raise ValueError(f"row {row} has {len(cells)} cells, but {len(self._fields)} fields")
            for number, column in columns.items():
                column.append(self._cell(cells, number, row))
        return {number: self._typed(number, column) for number, column in columns.items()}

    def _rows(self) -> Iterator[list[Any]]:
        self._stream.seek(0)
        data: Any = None
        for event, element in ElementTree.iterparse(self._stream, events=("start", "end")):
            tag = element.tag.rpartition("}")[2]
            if (event, tag) == ("start", "TABLEDATA"):
                data = element
            elif (event, tag) == ("end", "TR"):
                yield list(element)
                data.clear()  # otherwise the whole file would stay in memory
            elif (event, tag) == ("end", "TABLE"):
                return

    def _cell(self, cells: list[Any], number: int, row: int) -> str:
        field = self._fields[number]
        text = "".join(cells[number].itertext()).strip() if number < len(cells) else ""
        if text == field.null or (field.datatype not in _TEXTS and _same_number(text, field.null)):
            return ""
        if field.datatype in _TEXTS:
            if "x" in field.arraysize:
                raise ValueError(f"each cell of column {field.name!r} holds several texts")
            return text
        if text.lower() in NULL_WORDS:  # some services write nulls as words
            return ""
        if len(text.split()) > 1:
            raise ValueError(f"row {row}: the cell {text[:40]!r} of column {field.name!r} holds an array")
        if field.datatype == "boolean":
            return _TRUTH.get(text.lower(), "" if text in ("", "?") else text)
        if field.datatype not in _FLOATS and _WHOLE.fullmatch(text):
            return str(int(text, 16 if text[:2].lower() == "0x" else 10))
        return text

    def _typed(self, number: int, column: list[str]) -> Any:
        field = self._fields[number]
        if field.datatype not in _FLOATS:
            return column
        try:
            cells = [float(text) if text else np.nan for text in column]
        except ValueError:
            return column  # not a number; the user of the column will report it
        return np.array(cells, _FLOATS[field.datatype])

    def _from_stream(self, numbers: list[int]) -> dict[int, Any]:
        options: dict[str, Any] = {"table_number": 0, "invalid": "mask", "verify": "ignore"}
        try:
            file = votable.parse(self._stream, columns=numbers, **options)
        except ValueError:
            # astropy looks for the columns in tables that it skips, too, and fails.
            self._stream.seek(0)
            file = votable.parse(self._stream, **options)
        table = file.get_first_table()
        ids = [field.ID for field in table.all_fields]
        return {number: table.array[ids[number]] for number in numbers}


def _same_number(text: str, null: str | None) -> bool:
    """Return whether a text is the same number as a null: -99.000 and -99.0."""
    try:
        return null is not None and float(text) == float(null)
    except ValueError:
        return False
