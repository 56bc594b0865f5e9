"""FITS binary table, written block by block."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from evaluation.formats.catalogue import Column
from evaluation.formats.tables.blocks import Layout
from evaluation.formats.tables.description import FRAME

_RECORD = 2880  # bytes; the length of a FITS file is a multiple of it
_CODES = {"int32": "J", "int64": "K", "float32": "E", "float64": "D"}


def write_fits(path: Path, blocks: Iterable[pa.Table], layout: Layout) -> None:
    """Write a FITS binary table.

    Parameters
    ----------
    path : Path
    blocks : iterable of pyarrow.Table
    layout : Layout
        Its rows and widths must be those of the blocks.

    Notes
    -----
    Unknown numbers are NaN. Texts are UTF-8, which astropy reads, though the standard allows only ASCII;
    TOPCAT shows other characters wrongly. Descriptions and UCDs are the keywords ``TCOMMn`` and ``TUCDn``, by
    the convention of TOPCAT.
    """
    from astropy.io import fits

    kinds = np.dtype([_kind(column, layout) for column in layout.columns])
    with open(path, "wb") as file:
        primary = fits.PrimaryHDU()
        file.write(primary.header.tostring().encode("ascii"))
        file.write(_header(layout, kinds).tostring().encode("ascii"))
        written = 0
        for block in blocks:
            records = np.zeros(block.num_rows, kinds)
            for column in layout.columns:
                records[column.name] = _cells(block[column.name], column)
            file.write(records.data)
            written += block.num_rows
        if written != layout.rows:
            raise RuntimeError(f"{written} rows were written where {layout.rows} had been counted")
        file.write(bytes(-written * kinds.itemsize % _RECORD))


def _kind(column: Column, layout: Layout) -> tuple[Any, ...]:
    if column.dtype == "str":
        return column.name, f"S{max(layout.widths.get(column.name, 0), 1)}"
    kind = np.dtype(column.dtype).newbyteorder(">")
    return (column.name, kind, (layout.lengths[column.name],)) if column.is_array else (column.name, kind)


def _header(layout: Layout, kinds: np.dtype) -> Any:
    from astropy.io import fits

    columns = [
        fits.Column(name=column.name, format=_format(column, layout), unit=column.unit or None)
        for column in layout.columns
    ]
    header = fits.BinTableHDU.from_columns(columns, nrows=0, name="CATALOGUE").header
    header["NAXIS1"], header["NAXIS2"] = kinds.itemsize, layout.rows
    for number, column in enumerate(layout.columns, 1):
        header[f"TCOMM{number}"] = column.description
        header[f"TUCD{number}"] = column.ucd
    header["RADESYS"] = (FRAME, "frame of ra and dec")
    for note in layout.notes:
        header["COMMENT"] = note.encode("ascii", "backslashreplace").decode()
    return header


def _format(column: Column, layout: Layout) -> str:
    if column.dtype == "str":
        return f"{max(layout.widths.get(column.name, 0), 1)}A"
    return f"{layout.lengths[column.name] if column.is_array else 1}{_CODES[column.dtype]}"


def _cells(cells: pa.ChunkedArray, column: Column) -> np.ndarray:
    if column.is_array:
        flat = cells.combine_chunks().flatten().to_numpy(zero_copy_only=False)
        values: np.ndarray = flat.reshape(len(cells), -1)
        return values
    if column.dtype == "str":
        return np.array([text.encode() for text in cells.to_pylist()], "S")
    return cells.to_numpy().astype(column.dtype)
