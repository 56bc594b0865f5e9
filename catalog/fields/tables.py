"""The tables of field images and of the sources in them."""

import math
import os
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from catalog.errors import CatalogError
from catalog.objects import read_table
from preprocessing.bands import band_name
from preprocessing.locations import Location, Remote, is_uri
from preprocessing.settings import LARGEST_ZERO_POINT
from preprocessing.tables.files import Columns, TableError, TableFile

FIELD_COLUMNS = ("field", "tile")
"""Accepted names of the column of fields, in lower case."""
X_COLUMNS = ("x", "x_image", "xwin_image", "x_pix", "xpix")
Y_COLUMNS = ("y", "y_image", "ywin_image", "y_pix", "ypix")
"""Accepted names of the columns of pixel coordinates, those of SExtractor among them."""
_MISSING = ("", "nan", "none", "null", "--", "n/a")


@dataclass(frozen=True)
class FieldFile:
    """The image of a field in one band.

    Attributes
    ----------
    path : Path
    zero_point : float or None
        Magnitude of flux 1; None if the table gives none.
    weight : Path or None
        Image of weights on the same pixels; 0, negative and NaN mean no data.
    """

    path: Path
    zero_point: float | None = None
    weight: Path | None = None


@dataclass
class FieldEntry:
    """The rows of one field.

    Attributes
    ----------
    name : str
    files : dict of str to FieldFile
        By band; of the bands that were asked for.
    """

    name: str
    files: dict[str, FieldFile] = field(default_factory=dict)


@dataclass(frozen=True)
class Sources:
    """The objects of a table of sources.

    Attributes
    ----------
    objects : pyarrow.Table
        See `catalog.objects.COLUMNS`.
    field : list of str or None
        Field that each row names; None if the table has no pixel coordinates.
    x, y : numpy.ndarray, float64
        FITS pixel coordinates: the centre of the first pixel is (1, 1). NaN if unknown.
    notices : tuple of str
    """

    objects: pa.Table
    field: list[str] | None
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    notices: tuple[str, ...]


def read_fields(path: Location, bands: tuple[str, ...]) -> dict[str, FieldEntry]:
    """Read the table of field images.

    Parameters
    ----------
    path : Path or Remote
        Table with the columns ``field``, ``band`` (in any spelling), ``path`` (relative to the table), and
        possibly ``zero_point`` and ``weight_path``.
    bands : tuple of str
        Bands to keep; rows of others are ignored.

    Returns
    -------
    dict of str to FieldEntry
        By name, in the order of the table. A field without any of the bands is among them.

    Raises
    ------
    CatalogError
        If the table cannot be used.
    """
    try:
        with TableFile(path) as table:
            name = table.find(FIELD_COLUMNS)
            if problem := table.missing([*(() if name else ("field",)), "band", "path"], "--fields"):
                raise CatalogError(problem)
            assert name is not None
            zero_point, weight = table.find(["zero_point"]), table.find(["weight_path"])
            columns = table.read([name, "band", "path", weight], [zero_point])
        cells = (columns.identifiers(name), columns.texts("band"), columns.texts("path"))
        weights = columns.texts(weight) if weight else [""] * columns.rows
        zero_points = _zero_points(columns, zero_point)
    except TableError as error:
        raise CatalogError(str(error)) from error
    entries: dict[str, FieldEntry] = {}
    first_rows: dict[tuple[str, str], int] = {}
    for row, (named, spelling, image) in enumerate(zip(*cells, strict=True)):
        place = f"{path}, row {row + 1}"
        if not named or not image:
            raise CatalogError(f"{place}: the {'path' if named else 'name of the field'} is missing")
        try:
            band = band_name(spelling)
        except ValueError as error:
            raise CatalogError(f"{place}: {error}") from None
        entry = entries.setdefault(named, FieldEntry(named))
        if (earlier := first_rows.setdefault((named, band), row)) != row:
            raise CatalogError(f"{place} repeats field {named}, band {band} of row {earlier + 1}")
        if band in bands:
            weight_file = _file(path, weights[row], place) if weights[row] else None
            entry.files[band] = FieldFile(_file(path, image, place), zero_points[row], weight_file)
    return entries


def _file(table: Location, text: str, place: str) -> Path:
    """Return the path of an image, which is relative to the table."""
    if is_uri(text):
        raise CatalogError(
            f"{place}: {text} is a URI; field images are read in parts from a disk, so download them or mount"
            " the store"
        )
    if isinstance(table, Remote):
        if not os.path.isabs(text):
            raise CatalogError(f"{place}: {text} is relative to a table in an object store")
        return Path(text)
    return Path(os.path.abspath(os.path.join(os.path.dirname(table), text)))


def _zero_points(columns: Columns, name: str | None) -> list[float | None]:
    if name is None:
        return [None] * columns.rows
    numbers = columns.numbers(name).tolist()
    for row, (number, text) in enumerate(zip(numbers, columns.texts(name), strict=True)):
        if math.isnan(number) and text.lower() not in _MISSING:
            raise CatalogError(f"{columns.path}, row {row + 1}: zero_point = {text!r} is not a number")
        if abs(number) > LARGEST_ZERO_POINT:
            raise CatalogError(
                f"{columns.path}, row {row + 1}: zero_point = {text} is not a zero point, which lies between"
                f" {-LARGEST_ZERO_POINT:g} and {LARGEST_ZERO_POINT:g} mag; leave the cell empty if unknown"
            )
    return [None if math.isnan(number) else number for number in numbers]


def read_sources(path: Location) -> Sources:
    """Read the table of sources.

    Parameters
    ----------
    path : Path or Remote
        Table with the column ``name`` and either ``ra`` and ``dec``, or ``field``, ``x`` and ``y``, or all;
        other usual names are accepted. May have a magnitude, as `catalog.objects.read_table` reads it.

    Returns
    -------
    Sources

    Raises
    ------
    CatalogError
        If the table cannot be used, or has no positions.
    """
    objects, _, notices = read_table(path, "--sources")
    try:
        with TableFile(path) as table:
            found = [table.find(names) for names in (FIELD_COLUMNS, X_COLUMNS, Y_COLUMNS)]
            name, x, y = found
            if name is None or x is None or y is None:
                if np.isnan(objects.column("ra").to_numpy()).all():
                    raise CatalogError(
                        f"{path} has no positions: --sources needs ra and dec [deg], or field, x and y"
                    )
                unknown = np.full(len(objects), np.nan)
                return Sources(objects, None, unknown, unknown, notices)
            columns = table.read([name], [x, y])
        places = columns.numbers(x), columns.numbers(y)
        return Sources(objects, columns.identifiers(name), *places, notices)
    except TableError as error:
        raise CatalogError(str(error)) from error
