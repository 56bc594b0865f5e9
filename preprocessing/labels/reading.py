"""Read a table of labelled galaxies."""

from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from preprocessing.data_settings import DataSettings
from preprocessing.labels.matching import (
    NAMES,
    Matching,
    Positions,
    match_stamps,
    read_positions,
)
from preprocessing.labels.schemes import choose_scheme
from preprocessing.labels.sky_positions import DECLINATIONS, RIGHT_ASCENSIONS, sky_positions
from preprocessing.locations import location
from preprocessing.rejects import Reject
from preprocessing.tables.files import TableError, TableFile

__all__ = ["LabelTable", "LabelledObject", "Match", "TableError", "read_labels"]

MAGNITUDES = ("magnitude", "mag", "petromag_r", "petromag_mr", "r_auto", "r_petro")
MAGNITUDE_SENTINEL = 90.0  # SExtractor writes 99 and SDSS -9999 for missing measurements


class PositionsError(TableError):
    """A table of the stamps' names and positions that cannot be used."""

    key = "positions"


@dataclass(frozen=True, slots=True)
class LabelledObject:
    """One usable row of the table.

    Attributes
    ----------
    row : int
        Number of the row, from 1.
    name : str
        Name of the stamp: as in the table, or that of the stamp matched by position.
    label : int
        0 spiral, 1 elliptical, -1 none.
    ra, dec : float
        Position in the label table, J2000 [deg]; NaN if unknown.
    magnitude : float
        NaN if unknown.
    vote_elliptical, vote_spiral : float
        Debiased fractions of the votes: Galaxy Zoo 1, elliptical and spiral; Galaxy Zoo 2, smooth, and spiral
        arms among those who were asked about them. NaN if the table has none.
    """

    row: int
    name: str
    label: int
    ra: float
    dec: float
    magnitude: float
    vote_elliptical: float
    vote_spiral: float


@dataclass(frozen=True, slots=True)
class Match:
    """A row whose stamp was found by position; `separation` in arcsec."""

    row: int
    label_name: str
    stamp_name: str
    separation: float


@dataclass(frozen=True, slots=True)
class Corrected:
    """A row whose label comes from a table of corrections.

    Attributes
    ----------
    row : int
    name : str
    file : str
        The table of corrections.
    before, after : str
        Class names before and after; `before` is empty if the row's own label could not be read.
    message : str
        Table and row of the correction.
    """

    row: int
    name: str
    file: str
    before: str
    after: str
    message: str


@dataclass(frozen=True)
class LabelTable:
    """The content of a label table.

    Attributes
    ----------
    rows : int
        Rows of the table: ``len(objects) + len(rejects)``.
    label_format : str
        Format of the labels, as in `[data] label_format`.
    objects : list of LabelledObject
        Usable rows, in the order of the table; about 0.3 kB of memory each.
    rejects : list of Reject
        All other rows, in the order of the table.
    matches : list of Match
        Matches by position; empty without a table of positions.
    excluded : list of LabelledObject
        Rejects that are usable but listed in `[data] exclude`: see `preprocessing.rows.exclusion`.
    notes : list of str
        Remarks for the user on parts of the tables that were ignored or could not be checked.
    unread : list of int
        Rows of objects whose own label could not be read, but that have a correction.
    corrected : list of Corrected
        Objects with a correction: see `preprocessing.rows.corrections`.
    """

    rows: int
    label_format: str
    objects: list[LabelledObject]
    rejects: list[Reject]
    matches: list[Match] = field(default_factory=list)
    excluded: list[LabelledObject] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    unread: list[int] = field(default_factory=list)
    corrected: list[Corrected] = field(default_factory=list)


def read_labels(settings: DataSettings, corrected: Container[str] = ()) -> LabelTable:
    """Read the label table, and the table of the stamps' positions where there is one.

    Parameters
    ----------
    settings : DataSettings
        `labels`, `table_format`, `label_format`, `vote_threshold`, `min_votes`, `positions`, `match_radius`
        and `duplicate_radius` are used.
    corrected : container of str
        Names of galaxies with a corrected label; they are kept even if their own label cannot be read.

    Returns
    -------
    LabelTable

    Raises
    ------
    TableError
        If a table is missing, unreadable, empty, or lacks columns.

    Notes
    -----
    A row with several faults is rejected for the first of: no name, label, position.
    """
    path = location(settings.labels)
    with TableFile(path, settings.table_format) as table:
        scheme = choose_scheme(table, settings.label_format)
        name, ra, dec, magnitude = map(table.find, (NAMES, RIGHT_ASCENSIONS, DECLINATIONS, MAGNITUDES))
        if name is None:
            found = ", ".join(table.names[:8])[:200]
            raise TableError(
                f"{path} has no column of object names (one of {', '.join(NAMES)}); it begins with"
                f" {found}{table.hint}"
            )
        for column, known in ((ra, "ra"), (dec, "dec")):
            if settings.positions and column is None:
                raise TableError(table.missing((known,), "[data] positions"))
        heeded = [column for column in (*scheme.required, *scheme.optional) if table.find([column])]
        values = [column for column in heeded if column != scheme.text]
        columns = table.read([name, scheme.text or None], [ra, dec, magnitude, *values])
    names = columns.identifiers(name)
    verdicts = scheme.judge(columns, settings)
    ras, decs = sky_positions(columns, ra, dec)
    magnitudes = columns.numbers(magnitude)
    magnitudes[np.abs(magnitudes) >= MAGNITUDE_SENTINEL] = np.nan

    matching, stamps, notes = _match(Positions(names, ras, decs), settings)
    refused = matching.refused | verdicts.refused
    refused |= {row: ("no_name", "the row has no object name") for row, text in enumerate(names) if not text}
    lost = int(np.isnan(ras).sum())
    if ra is not None and dec is not None and lost:
        notes = [f"{path.name}: {lost:,} rows have no valid position", *notes]
    label_table = LabelTable(columns.rows, scheme.name, [], [], notes=[*verdicts.notes, *notes])
    del columns  # a third of the memory
    cells = (verdicts.labels, ras, decs, magnitudes, verdicts.vote_elliptical, verdicts.vote_spiral)
    for row, (label, *numbers) in enumerate(_rows(cells)):
        stamp = names[row]
        if settings.positions and row in matching.stamps:
            stamp = stamps[matching.stamps[row]]
        if row in refused:
            unread = refused[row][0] == "bad_label" and row not in matching.refused
            if not (unread and stamp in corrected):
                label_table.rejects.append(Reject(row + 1, names[row], "", *refused[row]))
                continue
            label_table.unread.append(row + 1)
        label_table.objects.append(LabelledObject(row + 1, stamp, label, *numbers))
        if settings.positions:
            label_table.matches.append(Match(row + 1, names[row], stamp, matching.separations[row]))
    return label_table


def _rows(columns: Sequence[NDArray[Any]]) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of columns as Python numbers, converting a few thousand rows at a time."""
    for start in range(0, len(columns[0]), 10_000):
        yield from zip(*(column[start : start + 10_000].tolist() for column in columns), strict=True)


def _match(rows: Positions, settings: DataSettings) -> tuple[Matching, list[str], list[str]]:
    """Return the matching, the names of the stamps, and notes; nothing without a table of positions."""
    if not settings.positions:
        return Matching(), [], []
    path = location(settings.positions)
    try:
        stamps, notes = read_positions(path, settings.table_format, settings.duplicate_radius)
    except TableError as error:
        raise PositionsError(str(error)) from error
    matching = match_stamps(rows, stamps, settings.match_radius, settings.duplicate_radius)
    return matching, list(stamps.names), notes
