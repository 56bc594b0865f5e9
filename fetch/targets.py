"""Read names and positions of the objects whose stamps are to be fetched."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
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
        Name, as in the table.
    ra, dec : float
        Position, J2000 [deg].
    problem : str
        Why no stamp can be requested; empty if one can.
    """

    name: str
    ra: float
    dec: float
    problem: str = ""


def read_targets(path: Path) -> list[Target]:
    """Read names and positions.

    Parameters
    ----------
    path : Path
        A table with names and positions, in any format that `galmorph run` reads.

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
            name, ra, dec = found
            columns = table.read([name], [ra, dec])
        names = columns.identifiers(name)
        positions = zip(*(degrees.tolist() for degrees in sky_positions(columns, ra, dec)), strict=True)
    except TableError as error:
        raise FetchError(str(error)) from error
    return _one_each(Target(name, *position) for name, position in zip(names, positions, strict=True))


def _one_each(targets: Iterable[Target]) -> list[Target]:
    """Return one target per name, with its problem if it has one."""
    kept: dict[str, Target] = {}
    for target in targets:
        if not target.name:
            target = replace(target, problem="the row has no object name")
        elif math.isnan(target.ra):
            target = replace(target, problem="the row has no usable position")
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
