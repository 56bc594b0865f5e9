"""Read the label table and apply `[data] corrections` and `[data] exclude`."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace

from preprocessing.data_settings import DataSettings
from preprocessing.labels.reading import LabelledObject, LabelTable, read_labels
from preprocessing.locations import Location, location
from preprocessing.rejects import Reject
from preprocessing.rows.corrections import correct, correction_counts, read_corrections
from preprocessing.rows.duplicates import galaxies
from preprocessing.tables.files import EmptyTableError, TableError, TableFile

_NAME, _QUALITY = "name", "quality"


class ExclusionError(TableError):
    """A table of galaxies to leave out that cannot be used."""

    key = "exclude"


@dataclass(frozen=True)
class Exclusion:
    """A galaxy to leave out.

    Attributes
    ----------
    table : Path or Remote
    message : str
        Reason for the reject: the table, and the quality that it gives.
    """

    table: Location
    message: str


def read_rows(data: DataSettings) -> LabelTable:
    """Read the label table, apply `[data] corrections`, and reject the galaxies that `[data] exclude` names.

    Parameters
    ----------
    data : DataSettings

    Returns
    -------
    LabelTable

    Raises
    ------
    TableError
        See `read_labels`.
    ExclusionError
        If a table of `exclude` is missing, unreadable, or has no column ``name``.
    CorrectionError
        See `preprocessing.rows.corrections`.
    """
    table = _corrected(data)
    if not data.exclude:
        return table
    listed = {path: _read(path) for path in map(location, data.exclude)}
    notes = _unknown(table, {path.name: names.keys() for path, names in listed.items()})
    exclusions: dict[str, Exclusion] = {}
    for names in listed.values():
        exclusions = names | exclusions
    rejects = list(_rejects(table.objects, exclusions, data.duplicate_radius))
    struck = {reject.row for reject in rejects}
    return replace(
        table,
        objects=[entry for entry in table.objects if entry.row not in struck],
        rejects=sorted([*table.rejects, *rejects], key=lambda reject: reject.row),
        excluded=[entry for entry in table.objects if entry.row in struck],
        notes=[*table.notes, *notes],
    )


def _corrected(data: DataSettings) -> LabelTable:
    """Read the label table with the corrected labels."""
    if not data.corrections:
        return read_labels(data)
    corrections = read_corrections(map(location, data.corrections))
    table = read_labels(data, corrections)
    objects, corrected = correct(table.objects, frozenset(table.unread), corrections, data.duplicate_radius)
    names: dict[str, set[str]] = {}
    for name, correction in corrections.items():
        names.setdefault(correction.table.name, set()).add(name)
    counts = correction_counts(corrected)
    listed = ", ".join(f"{count:,} {change}" for change, count in counts.items())
    notes = [f"labels from [data] corrections: {listed or 'none'}", *_unknown(table, names)]
    return replace(table, objects=objects, corrected=corrected, notes=[*table.notes, *notes])


def _unknown(table: LabelTable, listed: Mapping[str, Collection[str]]) -> list[str]:
    """Return a note for each list with names that are not in the label table."""
    known = {entry.name for entry in table.objects} | {reject.name for reject in table.rejects}
    return [
        f"{file}: {unknown:,} of {len(names):,} names are not in the label table"
        for file, names in listed.items()
        if (unknown := len(set(names) - known))
    ]


def _rejects(
    objects: list[LabelledObject], exclusions: dict[str, Exclusion], radius: float
) -> Iterator[Reject]:
    # All rows of a listed galaxy are left out, before duplicates are compared. Otherwise another row would
    # bring the doubtful label back or decide a label conflict, or the galaxy would be counted as one.
    for rows in galaxies(objects, radius):
        named = next((entry for entry in rows if entry.name in exclusions), None)
        if named is None:
            continue
        for entry in rows:
            exclusion = exclusions.get(entry.name, exclusions[named.name])
            message = exclusion.message
            if entry.name not in exclusions:
                message = f"the same galaxy as {named.name} (row {named.row}): {message}"
            yield Reject(entry.row, entry.name, str(exclusion.table), "excluded", message)


def _read(path: Location) -> dict[str, Exclusion]:
    """Return the exclusions of a table by name; a repeated name counts once."""
    try:
        with TableFile(path) as table:
            if missing := table.missing([_NAME], "[data] exclude"):
                raise TableError(missing)
            quality = table.find([_QUALITY])
            columns = table.read([_NAME, quality], [])
        names = columns.identifiers(_NAME)
        qualities = columns.texts(quality) if quality else [""] * columns.rows
    except EmptyTableError:
        return {}  # the table has no galaxies to leave out
    except TableError as error:
        raise ExclusionError(str(error)) from error
    exclusions: dict[str, Exclusion] = {}
    for name, said in zip(names, qualities, strict=True):
        message = f"listed in {path.name}" + (f" with quality {said}" if said else "")
        if name:
            exclusions.setdefault(name, Exclusion(path, message))
    return exclusions
