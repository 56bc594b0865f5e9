"""Detect the format of a table file by its content. One reader for each format reads chosen columns.

A reader gets an open binary stream. It takes names and units of all columns from the head of the file, and
then reads the requested columns by number: `texts` exactly as in the file, `values` as numbers if the file
has numbers. Problems of a file raise ValueError.
"""

import gzip
import os
import re
from collections.abc import Callable, Collection
from functools import partial
from typing import Any, BinaryIO, Protocol

import numpy as np

from preprocessing.locations import Location, Remote
from preprocessing.storage import downloaded
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
    b"\x89HDF": "HDF5, which is not supported",
    b"%PDF": "a PDF document",
}


class TableReader(Protocol):
    """Interface of the readers."""

    names: list[str]
    units: list[str]

    def read(self, texts: Collection[int], values: Collection[int]) -> dict[int, Any]:
        """Return the columns of these numbers, as lists or arrays; missing cells are masked."""


class ParquetReader:
    """A Parquet file.

    Read with pyarrow directly, not through astropy: astropy 8 converts a column of integers with an empty
    cell to floats, and fails on an empty text.
    """

    def __init__(self, stream: BinaryIO) -> None:
        from pyarrow import parquet

        self._file = parquet.ParquetFile(stream)
        self.names = [name.strip() for name in self._file.schema_arrow.names]
        self.units = [""] * len(self.names)
        # A few bytes of Parquet can encode any number of equal rows.
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


def open_file(path: Location) -> BinaryIO:
    """Open a file, decompressing it if it is gzip.

    Parameters
    ----------
    path : Path or Remote
        A file that exists, or an object, which is copied to a temporary file.

    Returns
    -------
    binary stream

    Raises
    ------
    ValueError
        If the file is empty, damaged, or too large.
    FileNotFoundError, ObjectUnavailable, StorageError
        Of an object, as in `preprocessing.storage.downloaded`.
    """
    stream: Any = _opened(path)
    try:
        size = os.fstat(stream.fileno()).st_size
        if stream.read(2) == b"\x1f\x8b":
            stream.seek(0)
            packed, stream = stream, gzip.GzipFile(fileobj=stream)
            stream.myfileobj = packed  # closes the file with it
            # Decompress it once, to detect damage and small files that unpack without end.
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


def _opened(path: Location) -> BinaryIO:
    if not isinstance(path, Remote):
        return path.open("rb")
    with downloaded(path) as copy:
        return os.fdopen(os.dup(copy.fileno()), "rb")


def table_format_of(stream: BinaryIO) -> str:
    """Return the format of a table by its first bytes, whatever the name of the file.

    Parameters
    ----------
    stream : binary stream
        Positioned at its start, also afterwards.

    Returns
    -------
    str
        One of `READERS`.

    Raises
    ------
    ValueError
        If it is in another format, which the message names if it is known.
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
        raise ValueError("it is a web page, probably the error message of a download")
    if text.startswith(b"<"):
        if b"<votable" in text or b":votable" in text:
            return "votable"
        raise ValueError("it is XML, but not a VOTable")
    utf_16 = head.startswith((b"\xff\xfe", b"\xfe\xff"))
    if not utf_16 and re.search(rb"[\x00-\x08\x0e-\x1a]", head):
        raise ValueError("it is neither text nor in a known format")
    return "csv"
