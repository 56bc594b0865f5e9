"""Tell the format of a table file by its content, and read chosen columns of it: one reader a format.

A reader is given an open binary stream. It knows the names and units of all columns, in their order, from the
head of the file alone, and then reads the columns asked for by number: `texts` exactly as the file spells
them, `values` as numbers where the file has numbers. What is wrong with a file is said in a ValueError.
"""

import gzip
import re
from collections.abc import Callable, Collection
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import numpy as np

from preprocessing.tables.fits_tables import FitsReader
from preprocessing.tables.text import TextReader
from preprocessing.tables.votables import VotableReader

MOST_BYTES = 4 * 2**30
"""Largest table that is read, after decompression: 240,000 rows of Galaxy Zoo 2 are 0.4 GB."""

MOST_ROWS = 100_000_000

_FOREIGN = {
    b"PK\x03\x04": "a zip archive or a spreadsheet; unpack it, or save it as CSV",
    b"\xd0\xcf\x11\xe0": "a spreadsheet; save it as CSV",
    b"BZh": "compressed with bzip2; unpack it, or use gzip",
    b"\xfd7zXZ": "compressed with xz; unpack it, or use gzip",
    b"\x28\xb5\x2f\xfd": "compressed with zstd; unpack it, or use gzip",
    b"\x89HDF": "HDF5, which is not read",
    b"%PDF": "a PDF document",
}


class TableReader(Protocol):
    """What every reader offers."""

    names: list[str]
    units: list[str]

    def read(self, texts: Collection[int], values: Collection[int]) -> dict[int, Any]:
        """Return the columns of these numbers: lists or arrays, masked where nothing is given."""


class ParquetReader:
    """A Parquet file.

    Read with pyarrow itself, which stands behind astropy's reader too: astropy 8 makes floats of a column of
    integers with an empty cell, and fails on an empty text.
    """

    def __init__(self, stream: BinaryIO) -> None:
        from pyarrow import parquet

        self._file = parquet.ParquetFile(stream)
        self.names = [name.strip() for name in self._file.schema_arrow.names]
        self.units = [""] * len(self.names)
        # Ten bytes of Parquet can stand for any number of equal rows.
        if self._file.metadata.num_rows > MOST_ROWS:
            raise ValueError(f"it has {self._file.metadata.num_rows} rows; at most {MOST_ROWS} are read")

    def read(self, texts: Collection[int], values: Collection[int]) -> dict[int, Any]:
        """Read the columns of these numbers."""
        names = self._file.schema_arrow.names
        numbers = sorted({*texts, *values})
        table = self._file.read(columns=[names[number] for number in numbers])
        return {number: _numpy_column(table.column(names[number])) for number in numbers}


def _numpy_column(column: Any) -> Any:
    import pyarrow as pa

    if pa.types.is_nested(column.type):
        raise ValueError("a column that is needed holds lists")
    if pa.types.is_integer(column.type) and column.null_count:
        mask = column.is_null().to_numpy()
        return np.ma.masked_array(column.fill_null(0).to_numpy(), mask)
    if pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
        return column.to_numpy()
    return column.to_pylist()


READERS: dict[str, Callable[[BinaryIO], TableReader]] = {
    "csv": partial(TextReader, ecsv=False),
    "ecsv": partial(TextReader, ecsv=True),
    "fits": FitsReader,
    "votable": VotableReader,
    "parquet": ParquetReader,
}


def open_file(path: Path) -> BinaryIO:
    """Open a file at its start, through gzip where it is compressed.

    Parameters
    ----------
    path : pathlib.Path
        A file that exists.

    Returns
    -------
    binary stream

    Raises
    ------
    ValueError
        If the file is empty, damaged, or too large.
    """
    size = path.stat().st_size
    stream: Any = path.open("rb")
    try:
        if stream.read(2) == b"\x1f\x8b":
            stream.close()
            stream = gzip.GzipFile(path)
            # Once through, so that damage, or a small file that never ends, is known beforehand.
            size = 0
            while (block := stream.read(2**20)) and size <= MOST_BYTES:
                size += len(block)
        if size == 0:
            raise ValueError("it is empty")
        if size > MOST_BYTES:
            raise ValueError(f"it holds more than {MOST_BYTES / 2**30:g} GiB")
        stream.seek(0)
    except BaseException:
        stream.close()
        raise
    return stream


def table_format_of(stream: BinaryIO) -> str:
    """Tell the format by the first bytes, whatever the file is called.

    Parameters
    ----------
    stream : binary stream
        At its start, where it is left again.

    Returns
    -------
    str
        One of `READERS`.

    Raises
    ------
    ValueError
        If it is something else; says what, as far as known.
    """
    head = stream.read(4096)
    stream.seek(0)
    for magic, what in _FOREIGN.items():
        if head.startswith(magic):
            raise ValueError(f"it is {what}")
    if head.startswith(b"SIMPLE  ="):
        return "fits"
    if head.startswith(b"PAR1"):
        return "parquet"
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if text.startswith(b"# %ecsv"):
        return "ecsv"
    if text.startswith((b"<!doctype html", b"<html")):
        raise ValueError("it is a web page; what was downloaded is probably an error message")
    if text.startswith(b"<"):
        if b"<votable" in text or b":votable" in text:
            return "votable"
        raise ValueError("it is XML, but not a VOTable")
    utf_16 = head.startswith((b"\xff\xfe", b"\xfe\xff"))
    if not utf_16 and re.search(rb"[\x00-\x08\x0e-\x1a]", head):
        raise ValueError("it is neither text nor in any format that is known")
    return "csv"
