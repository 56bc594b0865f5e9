"""Decide which rows become Examples, and in which split; used by the ingest and by ``galmorph inspect``."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from preprocessing.data_settings import DataSettings, SplitSettings
from preprocessing.features import CLASS_NAMES, ELLIPTICAL, SPIRAL, TEST, TRAIN, VALIDATION
from preprocessing.fits.files import StampError
from preprocessing.flux_scale import FluxScale
from preprocessing.labels.reading import LabelledObject, LabelTable
from preprocessing.locations import Location, location
from preprocessing.rejects import Reject, usual_reasons
from preprocessing.rows.duplicates import reject_duplicates
from preprocessing.rows.splits import assign_splits
from preprocessing.stamps import Stamp, StampReader


@dataclass(frozen=True)
class StampNote:
    """A warning about a stamp that is used nevertheless.

    Attributes
    ----------
    row : int
    name, file, code, message : str
    """

    row: int
    name: str
    file: str
    code: str
    message: str


def refusal(row: int, name: str, error: StampError) -> Reject:
    """Return the reject of a row whose stamp cannot be used."""
    return Reject(row, name, error.path, error.reason, error.message)


def notes_on(row: int, name: str, stamp: Stamp) -> list[StampNote]:
    """Return the warnings about the stamps of a row."""
    return [StampNote(row, name, warning.path, warning.code, warning.message) for warning in stamp.warnings]


@dataclass(frozen=True)
class Division:
    """The division of the rows of a table into splits and rejects.

    Attributes
    ----------
    rows : int
        Rows of the table; ``len(kept) + len(rejects)``.
    kept : list of LabelledObject
    places : dict of str to (str, int)
        Split and fold by object name.
    rejects : list of Reject
    """

    rows: int
    kept: list[LabelledObject]
    places: dict[str, tuple[str, int]]
    rejects: list[Reject]

    @property
    def splits_and_classes(self) -> list[tuple[str, str]]:
        """Split and class name of every row kept."""
        return [(self.places[entry.name][0], CLASS_NAMES[entry.label]) for entry in self.kept]

    def missing_class(self) -> str:
        """Return a message if a split lacks a class that it needs; empty if none does."""
        left = f"{len(self.kept)} usable objects are left; rejects: {usual_reasons(self.rejects) or 'none'}"
        found = set(self.splits_and_classes)
        for label in (SPIRAL, ELLIPTICAL):
            if not any(name == CLASS_NAMES[label] for _, name in found):
                return f"no {CLASS_NAMES[label]} galaxy has usable stamps: {left}"
        for split in (TRAIN, VALIDATION, TEST):
            for label in (SPIRAL, ELLIPTICAL):
                if (split, CLASS_NAMES[label]) not in found:
                    return f"split {split!r} has no {CLASS_NAMES[label]} galaxy: {left}"
        return ""


def divide(
    table: LabelTable, bad: Mapping[int, Reject], data: DataSettings, split: SplitSettings
) -> Division:
    """Decide for every row of a table: its split, or its reject.

    Parameters
    ----------
    table : LabelTable
    bad : mapping of int to Reject
        Rejects of rows whose stamps cannot be used, by row.
    data, split : DataSettings, SplitSettings

    Returns
    -------
    Division
    """
    good = [entry for entry in table.objects if entry.row not in bad]
    kept, duplicates = reject_duplicates(good, data.duplicate_radius)
    places = assign_splits({entry.name: entry.label for entry in kept}, split)
    return Division(table.rows, kept, places, [*table.rejects, *bad.values(), *duplicates])


def stamp_reader(data: DataSettings, bands: Sequence[str], side: int) -> StampReader:
    """Return a reader of the stamps that a configuration describes.

    Parameters
    ----------
    data : DataSettings
    bands : sequence of str
    side : int
        Side of the square to keep [pixels].

    Returns
    -------
    StampReader
    """
    return StampReader(
        template=data.stamps,
        bands=tuple(bands),
        side=side,
        cube_bands=data.cube_bands,
        flux_scale=FluxScale.of(data.flux),
        max_blank=data.max_blank,
        max_saturated=data.max_saturated,
        max_offset=data.max_offset,
    )


def label_files(data: DataSettings) -> Iterable[Location]:
    """Return the tables that a configuration names."""
    named = (data.labels, data.positions, *data.exclude, *data.corrections)
    return [location(table) for table in named if table]
