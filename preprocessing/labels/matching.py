"""Match rows with stamps by position, for label tables that use other names than the stamps."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from astropy import units
from astropy.coordinates import SkyCoord, angular_separation
from numpy.typing import NDArray

from preprocessing.labels.sky_positions import DECLINATIONS, RIGHT_ASCENSIONS, sky_positions
from preprocessing.locations import Location
from preprocessing.tables.files import TableError, TableFile

NAMES = ("name", "objid", "dr7objid", "dr8objid", "id", "object_id")

_MOST_CLAIMS = 300  # different positions around one stamp; more are not one galaxy
_SAME_POSITION = 1e-3  # [arcsec]


@dataclass(frozen=True)
class Positions:
    """Named positions on the sky: J2000 [deg], NaN where unknown."""

    names: Sequence[str]
    ra: NDArray[np.float64]
    dec: NDArray[np.float64]


@dataclass(frozen=True)
class Matching:
    """The stamps that were matched with rows.

    Attributes
    ----------
    stamps : dict of int to int
        Index of the stamp by index of the row.
    separations : dict of int to float
        Distance of row and stamp, by index of the row [arcsec].
    refused : dict of int to (str, str)
        Reason code and message of every other row, by index.
    """

    stamps: dict[int, int] = field(default_factory=dict)
    separations: dict[int, float] = field(default_factory=dict)
    refused: dict[int, tuple[str, str]] = field(default_factory=dict)


def read_positions(path: Location, table_format: str, same_radius: float) -> tuple[Positions, list[str]]:
    """Read the table of names and positions of the stamps.

    Parameters
    ----------
    path : Path or Remote
    table_format : str
    same_radius : float
        A name may occur twice if its positions are no farther apart than this [arcsec].

    Returns
    -------
    positions : Positions
        Usable positions, each name once.
    notes : list of str
        Rows that were ignored.

    Raises
    ------
    TableError
        If the table cannot be used, or gives a name two positions.
    """
    with TableFile(path, table_format) as table:
        name, ra, dec = (table.find(known) for known in (NAMES, RIGHT_ASCENSIONS, DECLINATIONS))
        for column, known in ((name, NAMES), (ra, RIGHT_ASCENSIONS), (dec, DECLINATIONS)):
            if column is None:
                raise TableError(table.missing(known[:1], "[data] positions"))
        columns = table.read([name], [ra, dec])
    assert name is not None
    names = columns.identifiers(name)
    ras, decs = sky_positions(columns, ra, dec)
    usable = [row for row in np.flatnonzero(np.isfinite(ras)).tolist() if names[row]]
    if not usable:
        raise TableError(f"{path} has no row with a name and a position")
    notes = []
    if len(usable) < columns.rows:
        first = min(set(range(columns.rows)) - set(usable))
        notes.append(
            f"{path}: {columns.rows - len(usable)} of {columns.rows} rows have no name or no usable position"
            f" and are ignored, the first in row {first + 1} ({names[first] or 'without a name'})"
        )
    kept: dict[str, int] = {}
    repeated = [(row, kept[names[row]]) for row in usable if kept.setdefault(names[row], row) != row]
    if repeated:
        rows, firsts = np.array(repeated).T
        apart = _separations(ras[rows], decs[rows], ras[firsts], decs[firsts])
        worst = int(np.argmax(apart))
        if apart[worst] > max(same_radius, _SAME_POSITION):
            raise TableError(
                f"{path} has {names[rows[worst]]!r} in rows {firsts[worst] + 1} and {rows[worst] + 1},"
                f" {apart[worst]:.2f} arcsec apart"
            )
        notes.append(f"{path}: {len(repeated)} rows repeat the name and position of an earlier one")
    order = list(kept.values())
    return Positions(list(kept), ras[order], decs[order]), notes


def match_stamps(rows: Positions, stamps: Positions, radius: float, same_radius: float) -> Matching:
    """Find the stamp of each row.

    Parameters
    ----------
    rows : Positions
        Of the label table.
    stamps : Positions
        Positions of the stamps; names are different and positions are known.
    radius : float
        Largest distance of row and stamp [arcsec].
    same_radius : float
        Rows no farther apart than this are one galaxy [arcsec].

    Returns
    -------
    Matching

    Notes
    -----
    A row is matched with the one stamp within the radius. Without such a stamp it is ``unmatched``, with
    several it is ``ambiguous_match``. Several rows may match one stamp if they are one galaxy, that is, if
    each two have the same name or lie within `same_radius`. Otherwise all of them are ``ambiguous_match``.
    """
    matching = Matching()
    placed = np.flatnonzero(np.isfinite(rows.ra) & np.isfinite(rows.dec))
    for row in np.setdiff1d(np.arange(len(rows.names)), placed).tolist():
        matching.refused[row] = (
            "bad_position",
            "the row has no usable position for matching it with a stamp",
        )
    if not len(placed):
        return matching
    nearest, distance = _neighbour(rows, placed, stamps, 1)
    second, second_distance = nearest.copy(), np.full(len(placed), np.inf)
    near = np.flatnonzero(distance <= radius)
    if len(near) and len(stamps.names) > 1:
        second[near], second_distance[near] = _neighbour(rows, placed[near], stamps, 2)

    for index in np.flatnonzero(distance > radius).tolist():
        message = f"the nearest stamp, {stamps.names[nearest[index]]}, is {distance[index]:.2f} arcsec away"
        matching.refused[int(placed[index])] = ("unmatched", message)
    for index in np.flatnonzero(second_distance <= radius).tolist():
        first_name, second_name = stamps.names[nearest[index]], stamps.names[second[index]]
        message = (
            f"the stamps {first_name} and {second_name} lie {distance[index]:.2f} and"
            f" {second_distance[index]:.2f} arcsec away"
        )
        matching.refused[int(placed[index])] = ("ambiguous_match", message)
    alone = np.flatnonzero((distance <= radius) & (second_distance > radius))
    for row, stamp, separation in zip(
        placed[alone].tolist(), nearest[alone].tolist(), distance[alone].tolist(), strict=True
    ):
        matching.stamps[row] = stamp
        matching.separations[row] = separation
    _refuse_rivals(matching, rows, stamps, same_radius)
    return matching


def _neighbour(
    rows: Positions, placed: NDArray[np.intp], stamps: Positions, rank: int
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    here = SkyCoord(rows.ra[placed] * units.deg, rows.dec[placed] * units.deg)
    there = SkyCoord(stamps.ra * units.deg, stamps.dec * units.deg)
    index, separation, _ = here.match_to_catalog_sky(there, nthneighbor=rank)
    return index, separation.to_value(units.arcsec)


def _refuse_rivals(matching: Matching, rows: Positions, stamps: Positions, same_radius: float) -> None:
    """Refuse all rows that match the same stamp but are not one galaxy."""
    claims: dict[int, list[int]] = {}
    for row, stamp in matching.stamps.items():
        claims.setdefault(stamp, []).append(row)
    for stamp, rivals in claims.items():
        if len(rivals) == 1 or _one_galaxy(rows, rivals, same_radius):
            continue
        names = ", ".join(f"{rows.names[row]} (row {row + 1})" for row in rivals[:4])
        more = "" if len(rivals) <= 4 else f" and {len(rivals) - 4} more"
        for row in rivals:
            del matching.stamps[row], matching.separations[row]
            message = f"the stamp {stamps.names[stamp]} is nearest to each of {names}{more}"
            matching.refused[row] = ("ambiguous_match", message)


def _one_galaxy(rows: Positions, rivals: Sequence[int], same_radius: float) -> bool:
    """Return whether each two rows have the same name or lie within the radius."""
    different = list({(rows.names[row], rows.ra[row], rows.dec[row]) for row in rivals})
    if len({name for name, _, _ in different}) == 1:
        return True
    if len(different) > _MOST_CLAIMS:
        return False
    names = np.array([name for name, _, _ in different])
    ra, dec = np.array([position for _, *position in different]).T
    apart = _separations(ra[:, None], dec[:, None], ra, dec)
    return bool(((apart <= same_radius) | (names[:, None] == names)).all())


def _separations(
    ra: NDArray[np.float64], dec: NDArray[np.float64], ra2: NDArray[np.float64], dec2: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Distances on the sky [arcsec]."""
    radians = angular_separation(*(np.radians(angle) for angle in (ra, dec, ra2, dec2)))
    return np.asarray(np.degrees(radians) * 3600)
