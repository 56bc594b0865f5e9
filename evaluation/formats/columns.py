"""Reading of columns of a CSV file in batches, so that memory does not hold the whole file."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import csv

BLOCK_BYTES = 1 << 16
"""Size of a batch."""


class FormatError(ValueError):
    """A table of a run cannot be read; the message is one line that names the file."""


def read_batches(path: Path, types: Mapping[str, pa.DataType]) -> Iterator[pa.RecordBatch]:
    """Read some columns of a CSV file.

    Parameters
    ----------
    path : Path
    types : mapping of str to pyarrow.DataType
        Names and types of the columns to read.

    Yields
    ------
    pyarrow.RecordBatch
        Empty numbers and ``nan`` are null.

    Raises
    ------
    FormatError
        If the file cannot be read, lacks a column, or has a value of another type.
    """
    reading = csv.ReadOptions(block_size=BLOCK_BYTES, use_threads=False)
    converting = csv.ConvertOptions(column_types=dict(types), include_columns=list(types))
    parsing = csv.ParseOptions(newlines_in_values=True)
    try:
        with csv.open_csv(path, reading, parsing, converting) as reader:
            yield from reader
    except OSError as error:
        raise FormatError(f"{path} cannot be read: {error.strerror or error}") from error
    except (pa.ArrowInvalid, pa.ArrowKeyError, UnicodeDecodeError) as error:
        lines = str(error).splitlines() or [type(error).__name__]
        raise FormatError(f"{path} is damaged: {lines[0]}") from error


def numbers_of(column: pa.Array, dtype: type = np.float64) -> np.ndarray:
    """Return a column of floats as an array, NaN for nulls."""
    return column.to_numpy(zero_copy_only=False).astype(dtype)


def header_of(path: Path) -> list[str]:
    """Return the names of the columns of a CSV file; raise `FormatError` if it cannot be read."""
    try:
        with open(path, encoding="utf-8") as table:
            return table.readline().strip().split(",")
    except OSError as error:
        raise FormatError(f"{path} cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise FormatError(f"{path} is damaged: {error}") from error
