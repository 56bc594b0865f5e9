"""Reads a catalogue in one of its formats again, in blocks of rows."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from evaluation.formats.catalogue import COLUMNS, SURVEY_COLUMNS, Column
from evaluation.formats.tables.blocks import BLOCK_BYTES, BLOCK_ROWS, arrow_type

_KNOWN = {column.name: column for column in (*COLUMNS, *SURVEY_COLUMNS)}


def read_blocks(path: Path, kind: str) -> Iterator[pa.Table]:
    """Yield the rows of a catalogue.

    Parameters
    ----------
    path : Path
        One file, or the folder of partitioned Parquet.
    kind : str
        One of `evaluation.formats.tables.write.WRITERS`.

    Yields
    ------
    pyarrow.Table
        In the types of the catalogue.

    Notes
    -----
    Parquet, CSV and ECSV are read block by block; FITS and VOTable are read as a whole.
    """
    if kind == "parquet":
        yield from _parquet(path)
    elif kind in ("csv", "ecsv"):
        yield from _text(path)
    else:
        from astropy.table import Table

        yield _of_astropy(Table.read(path, format=kind))


def _parquet(path: Path) -> Iterator[pa.Table]:
    from pyarrow import parquet

    for file in sorted(path.glob("*.parquet")) if path.is_dir() else [path]:
        with parquet.ParquetFile(file) as opened:
            for batch in opened.iter_batches(BLOCK_ROWS):
                yield pa.Table.from_batches([batch])


def _text(path: Path) -> Iterator[pa.Table]:
    from pyarrow import csv

    with open(path, encoding="utf-8", newline="") as file:
        heading = 0
        while (line := file.readline()).startswith("#"):
            heading += 1
    columns = [_KNOWN[name] for name in next(_csv_lines(line))]
    types = {c.name: pa.string() if c.is_array else arrow_type(c, 0) for c in columns}
    converting = csv.ConvertOptions(column_types=types, null_values=[""], strings_can_be_null=False)
    reading = csv.ReadOptions(block_size=BLOCK_BYTES, skip_rows=heading)
    with csv.open_csv(path, reading, csv.ParseOptions(newlines_in_values=True), converting) as batches:
        for batch in batches:
            table = pa.Table.from_batches([batch])
            yield pa.table({c.name: _lists(table[c.name]) if c.is_array else table[c.name] for c in columns})


def _csv_lines(line: str) -> Iterator[list[str]]:
    import csv

    return csv.reader([line])


def _lists(cells: pa.ChunkedArray) -> pa.Array:
    values = [json.loads(text) for text in cells.to_pylist()]
    return pa.array(values, pa.list_(pa.float32(), len(values[0])))


def _of_astropy(table: Any) -> pa.Table:
    return pa.table({name: _cells(table[name], _KNOWN[name]) for name in table.colnames})


def _cells(cells: Any, column: Column) -> pa.Array:
    if column.dtype == "str":
        return pa.array(
            [text.decode() if isinstance(text, bytes) else str(text) for text in cells], pa.string()
        )
    kind = np.dtype(column.dtype)
    masked = np.ma.asarray(cells)
    values = np.asarray(masked.filled(np.nan) if kind.kind == "f" else masked, kind)
    if column.is_array:
        flat = pa.array(values.reshape(-1))
        return pa.FixedSizeListArray.from_arrays(flat, values.shape[1])
    return pa.array(values)
