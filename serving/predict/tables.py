"""Write the catalogue in the format that the name of its file asks for."""

import csv
import io
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from evaluation.formats.catalogue import Column, catalogue_columns
from serving.predict.errors import PredictError

Row = tuple[Any, ...]
"""Values in the order of `evaluation.formats.catalogue.COLUMNS`; None or NaN where unknown."""

_BLOCK = 10_000  # rows that are converted at once


def table_format(path: Path) -> str:
    """Return the format of a table by its name.

    Raises
    ------
    PredictError
        If the name ends in none of the known extensions.
    """
    name = path.name.lower()
    for extension, kind in _EXTENSIONS.items():
        if name.endswith(extension) and name != extension:
            return kind
    raise PredictError(f"--out {path}: the name must end in one of {', '.join(_EXTENSIONS)}")


def stem_of(path: Path) -> str:
    """Return the name of a table without its extension."""
    extension = next(known for known in _EXTENSIONS if path.name.lower().endswith(known))
    return path.name[: -len(extension)]


def write_table(
    path: Path, kind: str, rows: Callable[[], Iterable[Row]], *, with_distance: bool, notes: Sequence[str]
) -> None:
    """Write the catalogue.

    Parameters
    ----------
    path : Path
    kind : str
        As `table_format` returns it.
    rows : callable
        Returns the rows from the first.
    with_distance : bool
        Whether there is the column ``novelty_distance``.
    notes : sequence of str
        Sentences about the table as a whole, for formats that have a place for them.

    Notes
    -----
    CSV, ECSV and Parquet are written row by row or in blocks of rows. FITS and VOTable are made in memory,
    because they need the number of rows, or the longest name, at their beginning.
    """
    columns = catalogue_columns(with_distance)
    wanted = (row if with_distance else row[: len(columns)] for row in rows())
    _WRITERS[kind](path, columns, wanted, notes)


def _write_csv(path: Path, columns: Sequence[Column], rows: Iterable[Row], notes: Sequence[str]) -> None:
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([column.name for column in columns])
        writer.writerows(map(_texts, rows))


def _write_ecsv(path: Path, columns: Sequence[Column], rows: Iterable[Row], notes: Sequence[str]) -> None:
    head = io.StringIO()
    _astropy_table(columns, [], notes).write(head, format="ascii.ecsv", delimiter=",")
    with open(path, "w", newline="", encoding="utf-8") as file:
        file.write(head.getvalue())
        csv.writer(file, lineterminator="\n").writerows(map(_texts, rows))


def _texts(row: Row) -> list[Any]:
    return ["" if value is None or value != value else value for value in row]


def _write_fits(path: Path, columns: Sequence[Column], rows: Iterable[Row], notes: Sequence[str]) -> None:
    from astropy.io import fits

    table = _astropy_table(columns, rows, [])
    for column in columns:
        if column.dtype == "str":
            # FITS has bytes; astropy and TOPCAT read them as UTF-8.
            table.replace_column(column.name, np.char.encode(np.asarray(table[column.name]), "utf-8"))
    hdu = fits.table_to_hdu(table)
    hdu.name = "CATALOGUE"
    for number, column in enumerate(columns, 1):
        hdu.header[f"TCOMM{number}"] = column.description
        hdu.header[f"TUCD{number}"] = column.ucd
    for note in notes:
        hdu.header["COMMENT"] = note.encode("ascii", "backslashreplace").decode()
    hdu.writeto(path, overwrite=True)


def _write_votable(path: Path, columns: Sequence[Column], rows: Iterable[Row], notes: Sequence[str]) -> None:
    file = _votable(columns, rows, notes)
    file.to_xml(str(path))


def _votable(columns: Sequence[Column], rows: Iterable[Row], notes: Sequence[str]) -> Any:
    from astropy.io import votable

    file = votable.from_table(_astropy_table(columns, rows, []))
    table = file.get_first_table()
    table.name = "catalogue"
    table.description = "; ".join(notes) or None
    for field, column in zip(table.fields, columns, strict=True):
        field.description, field.ucd = column.description, column.ucd
    return file


def _write_parquet(path: Path, columns: Sequence[Column], rows: Iterable[Row], notes: Sequence[str]) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    head = io.BytesIO()
    described = _votable(columns, [], notes)
    for column_field in described.get_first_table().fields:
        if column_field.datatype == "unicodeChar":
            column_field.arraysize = "*"  # no row says how long the texts are
    described.to_xml(head)
    fields = [
        pa.field(
            column.name,
            pa.string() if column.dtype == "str" else pa.from_numpy_dtype(column.dtype),
            metadata={"description": column.description, "ucd": column.ucd}
            | ({"unit": column.unit} if column.unit else {}),
        )
        for column in columns
    ]
    # The convention VOParquet, by which TOPCAT finds units, descriptions and UCDs: a VOTable without rows.
    schema = pa.schema(
        fields,
        {"IVOA.VOTable-Parquet.version": "1.0", "IVOA.VOTable-Parquet.content": head.getvalue()},
    )
    with parquet.ParquetWriter(path, schema) as writer:
        for block in _blocks(rows):
            cells = zip(*map(_nulls, block), strict=True)
            arrays = [pa.array(cell, field.type) for cell, field in zip(cells, schema, strict=True)]
            writer.write_batch(pa.record_batch(arrays, schema=schema))


def _nulls(row: Row) -> list[Any]:
    return [None if value != value else value for value in row]


def _blocks(rows: Iterable[Row]) -> Iterator[list[Row]]:
    rest = iter(rows)
    while block := list(islice(rest, _BLOCK)):
        yield block


def _astropy_table(columns: Sequence[Column], rows: Iterable[Row], notes: Sequence[str]) -> Any:
    from astropy.table import Column as TableColumn
    from astropy.table import Table

    parts: list[list[np.ndarray]] = [[np.empty(0, column.dtype)] for column in columns]
    for block in _blocks(rows):
        for part, cells, column in zip(parts, zip(*block, strict=True), columns, strict=True):
            values = cells if column.dtype == "str" else [math.nan if c is None else c for c in cells]
            part.append(np.array(values, column.dtype))
    table = Table()
    for column, part in zip(columns, parts, strict=True):
        table[column.name] = TableColumn(
            np.concatenate(part),
            unit=column.unit or None,
            description=column.description,
            meta={"ucd": column.ucd},
        )
    if notes:
        table.meta["comments"] = list(notes)
    return table


_EXTENSIONS = {
    ".csv": "csv",
    ".ecsv": "ecsv",
    ".fits": "fits",
    ".fit": "fits",
    ".vot": "votable",
    ".votable": "votable",
    ".xml": "votable",
    ".parquet": "parquet",
}
_WRITERS: dict[str, Callable[[Path, Sequence[Column], Iterable[Row], Sequence[str]], None]] = {
    "csv": _write_csv,
    "ecsv": _write_ecsv,
    "fits": _write_fits,
    "votable": _write_votable,
    "parquet": _write_parquet,
}
