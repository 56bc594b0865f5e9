"""Read chosen columns of a text table: CSV, its relatives with other delimiters, ECSV."""

import codecs
import csv
import io
from collections.abc import Collection, Iterator
from typing import Any, BinaryIO

import numpy as np
from astropy.io import ascii
from astropy.table.meta import YamlParseError, get_header_from_yaml

BLOCK_ROWS = 5_000
"""Rows parsed at once. A small number saves memory, because numpy pads every cell to the longest of them."""

LONGEST_LINE = 2**17
_DELIMITERS = ",\t;|"
# Nearly every header has one of these names, and no data row does.
_USUAL_NAMES = frozenset(("name", "objid", "dr7objid", "dr8objid", "id", "object_id", "label", "ra", "dec"))
NULL_WORDS = frozenset(("null", "nan", "none", "--"))
"""Words for a missing number in a numeric column."""
_TAB_STAND_IN = "\x1f"


def _latin_1(error: UnicodeError) -> tuple[str, int]:
    """Decode bytes that are not UTF-8 as Latin-1, the other common encoding of such files."""
    assert isinstance(error, UnicodeDecodeError)
    return error.object[error.start : error.end].decode("latin-1"), error.end


codecs.register_error("galmorph_latin_1", _latin_1)


def decode(raw: bytes) -> str:
    """Decode bytes as UTF-8, or as Latin-1 where they are not UTF-8."""
    return raw.decode("utf-8", "galmorph_latin_1")


class TextReader:
    """CSV, its relatives with other delimiters, and ECSV."""

    def __init__(self, stream: BinaryIO, ecsv: bool) -> None:
        encoding = "utf-16" if stream.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else "utf-8-sig"
        stream.seek(0)
        self._lines = io.TextIOWrapper(stream, encoding, "galmorph_latin_1", newline=None)
        comments = []
        line = self._line()
        # SkyServer begins its CSV with "#Table1", Excel with "sep=;", ECSV with its header.
        while line.startswith(("#", "sep=")) or not line.strip():
            if not line:
                raise ValueError("it has no header line")
            comments.append(line)
            line = self._line()
        header = _ecsv_header(comments) if ecsv else {}
        self._delimiter = header.get("delimiter", " ") if ecsv else max(_DELIMITERS, key=line.count)
        cells = self._cells(line)
        self._first = ""
        if not ecsv and (commented := self._commented_header(comments, cells)):
            cells, self._first = commented, line
        self.names = cells
        marked = not ecsv and not self._first and any(line.startswith("#") for line in comments)
        self.hint = "; lines that begin with '#' are skipped: is one of them the header?" if marked else ""
        units = {column["name"]: str(column.get("unit") or "") for column in header.get("datatype", [])}
        self.units = [units.get(name, "") for name in self.names]
        types = {column["name"]: str(column.get("datatype") or "") for column in header.get("datatype", [])}
        self._numeric = [types.get(name, "").startswith(("int", "uint", "float")) for name in self.names]

    def _cells(self, line: str) -> list[str]:
        return [
            cell.strip()
            for cell in next(csv.reader([line], delimiter=self._delimiter, skipinitialspace=True))
        ]

    def _commented_header(self, comments: list[str], first: list[str]) -> list[str] | None:
        """Return the column names of a commented header, as numpy.savetxt writes it; None if there is none.

        The header is the last commented line with as many cells as the first line after the comments. That
        line must be data: it has a number, or it has no usual column name while the commented line has one.
        """
        for line in reversed([line for line in comments if line.startswith("#")]):
            names = self._cells(line.lstrip("#").strip(" "))
            if len(names) != len(first) or not all(names) or any(map(_is_number, names)):
                continue
            named, usual = ({cell.lower() for cell in cells} & _USUAL_NAMES for cells in (names, first))
            if not usual and (named or any(map(_is_number, first))):
                return names
        return None

    def read(self, texts: Collection[int], values: Collection[int]) -> dict[int, Any]:
        """Read the columns of these numbers."""
        columns: dict[int, list[Any]] = {number: [] for number in {*texts, *values}}
        rows = 0
        for lines in self._blocks():
            table = self._parse(lines, rows, texts, columns)
            for number, blocks in columns.items():
                cells = table[f"c{number}"][1:]  # the first row was added by _parse
                if cells.dtype.kind in "iuf":
                    blocks.append(np.ma.filled(np.ma.asarray(cells).astype(np.float64), np.nan))
                elif number in texts:
                    spelled = self._unescaped(cells)
                    if self._numeric[number]:  # Gaia writes null
                        spelled = ["" if text.lower() in NULL_WORDS else text for text in spelled]
                    blocks += spelled
                else:
                    blocks.append(np.array(self._unescaped(cells)))
            rows += len(lines)
        return {
            number: blocks if number in texts else np.concatenate([np.empty(0), *blocks])
            for number, blocks in columns.items()
        }

    def _line(self) -> str:
        line = self._lines.readline(LONGEST_LINE)
        if len(line) == LONGEST_LINE:
            raise ValueError(f"it has a line of more than {LONGEST_LINE} characters")
        if "\0" in line:
            raise ValueError("it is not text")
        return line

    def _blocks(self) -> Iterator[list[str]]:
        block = [self._first.strip(" \n")] if self._first else []
        while line := self._line():
            line = line.strip(" \n")
            if line:
                block.append(line)
            if len(block) == BLOCK_ROWS:
                yield block
                block = []
        if block:
            yield block

    def _parse(self, lines: list[str], before: int, texts: Collection[int], columns: Collection[int]) -> Any:
        """Parse lines with astropy's fast reader, which has no converters.

        An additional first row forces the columns of texts to be read as texts: 00123 stays 00123.
        """
        width = range(len(self.names))
        header = self._delimiter.join(f"c{number}" for number in width)
        first = self._delimiter.join("text" if number in texts else "0" for number in width)
        text, delimiter = "\n".join([header, first, *lines]), self._delimiter
        if delimiter == "\t":
            # The fast reader strips tabs at the start of a line, and so loses empty cells.
            text, delimiter = text.replace("\t", _TAB_STAND_IN), _TAB_STAND_IN
        self._escaped = not text.isascii()
        if self._escaped:  # the fast reader accepts only ASCII
            text = text.replace("\\", r"\\").encode("ascii", "backslashreplace").decode()
        try:
            table = ascii.read(
                text,
                format="csv",
                guess=False,
                delimiter=delimiter,
                include_names=[f"c{number}" for number in columns],
                fast_reader="force",
            )
        except ascii.InconsistentTableError:
            table = []
        if len(table) != len(lines) + 1:
            raise ValueError(self._misfit(lines, before))
        return table

    def _unescaped(self, cells: Any) -> list[str]:
        texts = np.ma.filled(cells, "").tolist()
        if self._delimiter == "\t":
            texts = [text.replace(_TAB_STAND_IN, "\t") for text in texts]
        return [text.encode().decode("unicode_escape") for text in texts] if self._escaped else texts

    def _misfit(self, lines: list[str], before: int) -> str:
        """Return a message about the first row that does not fit the header."""
        for row, line in enumerate(lines, before + 1):
            cells = next(csv.reader([line], delimiter=self._delimiter))
            if len(cells) > len(self.names):
                return f"row {row} has {len(cells)} cells, but the header has {len(self.names)}"
            if line.count('"') % 2:
                return f"row {row} opens a quotation mark that does not close on the same line"
        return f"rows {before + 1} to {before + len(lines)} do not fit the header"


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _ecsv_header(comments: list[str]) -> dict[str, Any]:
    if not comments or not comments[0].startswith("# %ECSV"):
        raise ValueError("it does not begin with '# %ECSV'")
    lines = [line.removeprefix("#").removeprefix(" ").rstrip("\n") for line in comments]
    try:
        return dict(get_header_from_yaml(lines))
    except (YamlParseError, TypeError, ValueError) as error:
        raise ValueError("its ECSV header is damaged") from error
