"""The objects to classify: one row of a table of the same columns, whatever the input."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from catalog.batches import Reader, Reject
from catalog.errors import CatalogError
from preprocessing.labels.matching import NAMES
from preprocessing.labels.reading import MAGNITUDE_SENTINEL, MAGNITUDES
from preprocessing.labels.sky_positions import DECLINATIONS, RIGHT_ASCENSIONS, sky_positions
from preprocessing.locations import Location
from preprocessing.tables.files import TableError, TableFile
from serving.predict.objects import position_notices

COLUMNS = pa.schema(
    [
        pa.field("row", pa.int64()),
        pa.field("name", pa.string()),
        pa.field("ra", pa.float64()),
        pa.field("dec", pa.float64()),
        pa.field("magnitude", pa.float32()),
        pa.field("file", pa.string()),
        pa.field("reason", pa.string()),
        pa.field("message", pa.string()),
    ]
)
"""Columns of every table of objects: row number of the input, from 0; name; position, J2000 [deg], and
magnitude, NaN if unknown; and for a row that cannot be classified the file, the reason code and the message
of the reject, null otherwise."""


@dataclass(frozen=True)
class Input:
    """What is to be classified, and how it is read.

    Attributes
    ----------
    objects : pyarrow.Table
        `COLUMNS` and those that `reader` needs. Every row of the input exactly once, in the order of the
        catalogue.
    groups : sequence of int
        Numbers of successive rows that are read together, such as those of one field; they add up to all.
    reader : Reader
    digest : str
        Changes if anything changes that the result depends on, but for the model.
    about : mapping
        What the lineage says of the input.
    notices : sequence of str
        Sentences for the user.
    """

    objects: pa.Table
    groups: Sequence[int]
    reader: Reader
    digest: str
    about: Mapping[str, Any] = field(default_factory=dict)
    notices: Sequence[str] = ()


def table_of_objects(
    names: Sequence[str],
    ra: NDArray[np.float64],
    dec: NDArray[np.float64],
    magnitude: NDArray[np.float64] | None = None,
    rejects: Sequence[Reject] = (),
) -> pa.Table:
    """Return a table of `COLUMNS`, rows numbered in the given order.

    Parameters
    ----------
    names : sequence of str
        May repeat.
    ra, dec : numpy.ndarray, float64
        J2000 [deg]; NaN if unknown.
    magnitude : numpy.ndarray, float64, optional
        NaN if unknown.
    rejects : sequence of Reject
        Rows that cannot be classified.
    """
    count = len(names)
    if magnitude is None:
        magnitude = np.full(count, np.nan)
    known: dict[str, list[str | None]] = {name: [None] * count for name in ("file", "reason", "message")}
    for reject in rejects:
        for name, cells in known.items():
            cells[reject.row] = getattr(reject, name)
    columns = [np.arange(count), [_text(name) for name in names], ra, dec, magnitude.astype(np.float32)]
    arrays = [
        pa.array(cells, kind.type) for cells, kind in zip([*columns, *known.values()], COLUMNS, strict=True)
    ]
    return pa.Table.from_arrays(arrays, schema=COLUMNS)


def read_table(
    path: Location, option: str, more: Mapping[str, Sequence[str]] | None = None
) -> tuple[pa.Table, dict[str, list[str]], tuple[str, ...]]:
    """Read names, positions and magnitudes from a table.

    Parameters
    ----------
    path : Path or Remote
        CSV, ECSV, FITS, VOTable or Parquet, by content.
    option : str
        Option of the command line, for messages.
    more : mapping of str to sequence of str, optional
        Further columns of texts: their possible names, in lower case, by what they are.

    Returns
    -------
    objects : pyarrow.Table
        See `table_of_objects`. Rows without a name are rejects.
    texts : dict of str to list of str
        By the keys of `more`.
    notices : tuple of str

    Raises
    ------
    CatalogError
        If the table cannot be read, is empty, or lacks a column.
    """
    try:
        with TableFile(path) as table:
            name = table.find(NAMES)
            if name is None:
                others = ", ".join(NAMES[1:])
                raise CatalogError(f"{table.missing(NAMES[:1], option)} (or one of {others})")
            ra, dec = table.find(RIGHT_ASCENSIONS), table.find(DECLINATIONS)
            magnitude = table.find(MAGNITUDES)
            found = {what: table.find(possible) for what, possible in (more or {}).items()}
            for what, column in found.items():
                if column is None:
                    possible = ", ".join(list(dict.fromkeys((more or {})[what]))[:3])
                    raise CatalogError(f"{option} {path} has no column for {what}, such as {possible}")
            columns = table.read([name, *found.values()], [ra, dec, magnitude])
        names = columns.identifiers(name)
        positions = sky_positions(columns, ra, dec)
        magnitudes = columns.numbers(magnitude)
        texts = {what: columns.texts(str(column)) for what, column in found.items()}
        given = [columns.texts(column) for column in (ra, dec) if column is not None]
    except TableError as error:
        raise CatalogError(str(error)) from error
    with np.errstate(invalid="ignore"):
        magnitudes[np.abs(magnitudes) >= MAGNITUDE_SENTINEL] = np.nan
    rejects = [
        Reject(row, "", "no_name", f"row {row + 1} of the table has no object name")
        for row, text in enumerate(names)
        if not text
    ]
    objects = table_of_objects(names, *positions, magnitudes, rejects)
    return objects, texts, position_notices(path, positions[0], given)


def check_positions(source: Input) -> None:
    """Raise `CatalogError` if no object has a position, which HATS needs."""
    if not np.isfinite(source.objects.column("ra").to_numpy()).any():
        raise CatalogError(
            "--format hats sorts by position, and no object has one: give a --table with ra and dec, or"
            " another --format"
        )


def digest_of(table: pa.Table) -> str:
    """Return the SHA-256 of all cells of a table, in order."""
    digest = hashlib.sha256()
    for batch in table.to_batches(max_chunksize=2**16):
        digest.update(repr(batch.to_pydict()).encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def _text(name: str) -> str:
    """Return a name that UTF-8 can hold: file names may have any bytes."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
