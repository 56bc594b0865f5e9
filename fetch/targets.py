"""The objects whose stamps are wanted: names and positions from a table."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from fetch.errors import FetchError
from preprocessing.labels.matching import NAMES
from preprocessing.labels.sky_positions import DECLINATIONS, RIGHT_ASCENSIONS, sky_positions
from preprocessing.tables.files import TableError, TableFile

_SAME_PLACE = 1.0  # rows of one name that lie closer are one object [arcsec]


@dataclass(frozen=True)
class Target:
    """One object.

    Attributes
    ----------
    name : str
        As the table spells it.
    ra, dec : float
        Position, J2000 [deg].
    problem : str
        Why no stamp can be asked for; empty if one can.
    values : mapping of str to float
        What else the table says of it, by column.
    """

    name: str
    ra: float
    dec: float
    problem: str = ""
    values: Mapping[str, float] = field(default_factory=dict)


def read_targets(path: Path, columns: Sequence[str] = ()) -> list[Target]:
    """Read names and positions.

    Parameters
    ----------
    path : Path
        A table with names and positions, as `galmorph run` reads it.
    columns : sequence of str
        Further columns of numbers that are wanted.

    Returns
    -------
    list of Target
        One for each name, in the table's order.

    Raises
    ------
    FetchError
        If the table is missing, unreadable or empty, or lacks a column.
    """
    try:
        with TableFile(path) as table:
            found = []
            for what, known in (
                ("object names", NAMES),
                ("right ascension", RIGHT_ASCENSIONS),
                ("declination", DECLINATIONS),
            ):
                column = table.find(known)
                if column is None:
                    raise FetchError(f"{path} has no column of {what} (one of {', '.join(known)})")
                found.append(column)
            if missing := table.missing([column.lower() for column in columns], "--url-template"):
                raise FetchError(missing)
            cells = table.read(found[:1], dict.fromkeys([*found[1:], *map(str.lower, columns)]))
        names = cells.identifiers(found[0])
        positions = zip(*(degrees.tolist() for degrees in sky_positions(cells, *found[1:])), strict=True)
        values = {column: cells.numbers(column.lower()).tolist() for column in columns}
    except TableError as error:
        raise FetchError(str(error)) from error
    return _one_each(
        Target(name, ra, dec, values={column: values[column][row] for column in columns})
        for row, (name, (ra, dec)) in enumerate(zip(names, positions, strict=True))
    )


def _one_each(targets: Iterable[Target]) -> list[Target]:
    """Keep one target a name, with what makes it unusable."""
    kept: dict[str, Target] = {}
    for target in targets:
        if not target.name:
            target = replace(target, problem="the row has no object name")
        elif math.isnan(target.ra):
            target = replace(target, problem="the row has no usable position")
        elif lacking := [column for column, value in target.values.items() if not math.isfinite(value)]:
            target = replace(target, problem=f"the row has no number in column {lacking[0]!r}")
        known = kept.setdefault(target.name, target)
        if known is target or known.problem:
            continue
        problem = target.problem or _conflict(known, target)
        if problem:
            kept[target.name] = replace(known, problem=problem)
    return list(kept.values())


def _conflict(one: Target, other: Target) -> str:
    from astropy.coordinates import angular_separation

    places = [math.radians(angle) for target in (one, other) for angle in (target.ra, target.dec)]
    apart = math.degrees(float(angular_separation(*places))) * 3600
    return f"two rows of this name lie {apart:.0f} arcsec apart" if apart > _SAME_PLACE else ""
