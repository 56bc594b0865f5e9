"""Find rows of the same galaxy, so that it is not in two splits."""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from astropy import units as u
from astropy.coordinates import SkyCoord, search_around_sky

from preprocessing.labels.reading import LabelledObject
from preprocessing.rejects import Reject


def reject_duplicates(
    objects: Sequence[LabelledObject], radius: float
) -> tuple[list[LabelledObject], list[Reject]]:
    """Keep one row of each galaxy.

    Parameters
    ----------
    objects : sequence of LabelledObject
        Rows that passed all other checks.
    radius : float
        Objects with positions closer than this are one galaxy [arcsec]; 0 compares names only.

    Returns
    -------
    kept : list of LabelledObject
    rejects : list of Reject
        ``duplicate_name`` or ``duplicate_position`` for all but one row of a galaxy whose rows have the same
        label; ``label_conflict`` for all rows of a galaxy whose labels differ.

    Notes
    -----
    The row that is kept is the first when sorted by name and then by content, so that the order of the table
    does not matter. A chain (A near B, B near C) is one galaxy.
    """
    kept: list[LabelledObject] = []
    rejects: list[Reject] = []
    for rows in galaxies(objects, radius):
        galaxy = sorted(rows, key=_content)
        first = galaxy[0]
        if len({entry.label for entry in galaxy}) > 1:
            message = ", ".join(f"{entry.name} (row {entry.row})" for entry in galaxy)
            rejects += [Reject(entry.row, entry.name, "", "label_conflict", message) for entry in galaxy]
            continue
        kept.append(first)
        for entry in galaxy[1:]:
            if entry.name == first.name:
                reason, message = "duplicate_name", f"row {first.row} has the same name"
            else:
                reason, message = "duplicate_position", f"within {radius:g} arcsec of {first.name}"
            rejects.append(Reject(entry.row, entry.name, "", reason, message))
    return kept, rejects


def galaxies(objects: Sequence[LabelledObject], radius: float) -> list[list[LabelledObject]]:
    """Group rows of the same galaxy: those of one name or closer than `radius` [arcsec], also in chains."""
    groups = _Groups(len(objects))
    by_name: defaultdict[str, list[int]] = defaultdict(list)
    for index, candidate in enumerate(objects):
        by_name[candidate.name].append(index)
    for same in by_name.values():
        for other in same[1:]:
            groups.join(same[0], other)
    for pair in _close_pairs(objects, radius):
        groups.join(*pair)
    return [[objects[index] for index in members] for members in groups.members()]


def _content(entry: LabelledObject) -> tuple[str, ...]:
    return tuple(str(value) for value in (entry.name, entry.ra, entry.dec, entry.magnitude, entry.row))


def _close_pairs(objects: Sequence[LabelledObject], radius: float) -> list[tuple[int, int]]:
    ra = np.array([entry.ra for entry in objects])
    dec = np.array([entry.dec for entry in objects])
    placed = np.flatnonzero(np.isfinite(ra) & (np.abs(dec) <= 90.0))
    if radius == 0 or len(placed) < 2:
        return []
    sky = SkyCoord(ra[placed] * u.deg, dec[placed] * u.deg)
    first, second, _, _ = search_around_sky(sky, sky, radius * u.arcsec)
    return [(int(placed[a]), int(placed[b])) for a, b in zip(first, second, strict=True) if a < b]


class _Groups:
    """Disjoint sets of indices (union-find with path halving)."""

    def __init__(self, size: int) -> None:
        self._parent = list(range(size))

    def _root(self, index: int) -> int:
        while self._parent[index] != index:
            self._parent[index] = self._parent[self._parent[index]]
            index = self._parent[index]
        return index

    def join(self, first: int, second: int) -> None:
        self._parent[self._root(second)] = self._root(first)

    def members(self) -> list[list[int]]:
        groups: defaultdict[int, list[int]] = defaultdict(list)
        for index in range(len(self._parent)):
            groups[self._root(index)].append(index)
        return list(groups.values())
