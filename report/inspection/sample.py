"""Reproducible random selection of the objects to show."""

import hashlib
from collections.abc import Iterable, Sequence
from itertools import chain, islice, zip_longest

from preprocessing.features import CLASS_NAMES
from preprocessing.labels.reading import LabelledObject
from preprocessing.stamp_index import StampIndex

SEARCHED = 64
"""Number of objects that are searched for a file of a band."""


def choose(objects: Iterable[LabelledObject], count: int, seed: int) -> list[LabelledObject]:
    """Choose objects at random.

    Parameters
    ----------
    objects : iterable of LabelledObject
    count : int
        Largest number of objects.
    seed : int

    Returns
    -------
    list of LabelledObject
        The objects with the smallest ``SHA-256(seed, name)``. The selection does not depend on the order of
        rows, and changes little when rows are added.
    """

    def key(entry: LabelledObject) -> tuple[bytes, str, int]:
        return hashlib.sha256(f"{seed}\0sheet\0{entry.name}".encode()).digest(), entry.name, entry.row

    return sorted(objects, key=key)[:count]


def choose_by_class(
    objects: Sequence[LabelledObject], count: int, seed: int
) -> dict[str, list[LabelledObject]]:
    """Choose up to `count` objects of each class that has any; see `choose`."""
    chosen = {
        name: choose((entry for entry in objects if entry.label == label), count, seed)
        for label, name in CLASS_NAMES.items()
    }
    return {name: entries for name, entries in chosen.items() if entries}


def mixed(by_class: dict[str, list[LabelledObject]], count: int) -> list[LabelledObject]:
    """Take the first of each class, then the second of each, up to `count` in all; sorted by class."""
    ranks = zip_longest(*by_class.values())
    taken = list(islice((entry for entry in chain.from_iterable(ranks) if entry is not None), count))
    return [entry for entries in by_class.values() for entry in entries if entry in taken]


def spread(objects: Sequence[LabelledObject]) -> Sequence[LabelledObject]:
    """Return about `SEARCHED` objects at equal steps through the table."""
    return objects[:: max(1, len(objects) // SEARCHED)]


def has_files(index: StampIndex, objects: Iterable[LabelledObject], band: str) -> bool:
    """Return whether any of the objects has a file of a band."""
    return any(index.find(entry.name, band) is not None for entry in objects)
