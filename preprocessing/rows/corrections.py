"""Apply the corrected labels of `[data] corrections`."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import nan

from preprocessing.features import CLASS_NAMES
from preprocessing.labels.reading import Corrected, LabelledObject
from preprocessing.labels.schemes import CODES, code_of
from preprocessing.locations import Location
from preprocessing.rows.duplicates import galaxies
from preprocessing.tables.files import EmptyTableError, TableError, TableFile

_NAME, _LABEL = "name", "label"


class CorrectionError(TableError):
    """A table of corrections that cannot be used."""

    key = "corrections"


@dataclass(frozen=True)
class Correction:
    """A corrected label, with its table and row."""

    label: int
    table: Location
    row: int

    @property
    def place(self) -> str:
        """Table and row as text for messages."""
        return f"{self.table.name} (row {self.row})"


def read_corrections(tables: Iterable[Location]) -> dict[str, Correction]:
    """Read tables of corrected labels.

    Parameters
    ----------
    tables : iterable of Path or Remote
        With the columns ``name`` and ``label`` (``spiral``, ``elliptical``, ``uncertain``; or 0, 1, -1).

    Returns
    -------
    dict of str to Correction
        By the name of the galaxy.

    Raises
    ------
    CorrectionError
        If a table cannot be used, a label is unknown, or a galaxy gets two different labels.
    """
    found: dict[str, Correction] = {}
    for path in tables:
        for row, (name, word) in enumerate(_read(path), 1):
            if not name:
                continue
            label = code_of(word)
            if label is None:
                given = f"{path} gives {name} (row {row}) the label {word[:40]!r}"
                raise CorrectionError(f"{given}, which is none of {', '.join(CODES)}")
            correction = Correction(label, path, row)
            _agree(name, found.setdefault(name, correction), name, correction)
    return found


def _agree(name: str, one: Correction, other_name: str, other: Correction) -> None:
    if one.label != other.label:
        whose = name if name == other_name else f"{name} and {other_name}, which are one galaxy"
        raise CorrectionError(
            f"two different labels for {whose}: {CLASS_NAMES[one.label]} in {one.place} and"
            f" {CLASS_NAMES[other.label]} in {other.place}"
        )


def _read(path: Location) -> list[tuple[str, str]]:
    try:
        with TableFile(path) as table:
            for column in (_NAME, _LABEL):
                if missing := table.missing([column], "[data] corrections"):
                    raise TableError(missing)
            columns = table.read([_NAME, _LABEL], [])
        return list(zip(columns.identifiers(_NAME), columns.texts(_LABEL), strict=True))
    except EmptyTableError:
        return []
    except TableError as error:
        raise CorrectionError(str(error)) from error


def correct(
    objects: Sequence[LabelledObject],
    unread: frozenset[int],
    corrections: Mapping[str, Correction],
    radius: float,
) -> tuple[list[LabelledObject], list[Corrected]]:
    """Give galaxies their corrected labels.

    Parameters
    ----------
    objects : sequence of LabelledObject
    unread : frozenset of int
        Rows whose own label could not be read.
    corrections : mapping of str to Correction
    radius : float
        Objects with positions closer than this are one galaxy [arcsec].

    Returns
    -------
    list of LabelledObject
        All objects. The votes of a corrected object are set to NaN, because they belong to the former label.
    list of Corrected
        Objects with a correction, in order of rows, including those whose label was the same already.

    Raises
    ------
    CorrectionError
        If two names of one galaxy get two labels.

    Notes
    -----
    A correction applies to a galaxy: all its rows get the label, even if their own labels differ.
    """
    changed: dict[int, LabelledObject] = {}
    told = []
    for rows in galaxies(objects, radius):
        named = [entry for entry in rows if entry.name in corrections]
        if not named:
            continue
        first = named[0]
        correction = corrections[first.name]
        for entry in named[1:]:
            _agree(first.name, correction, entry.name, corrections[entry.name])
        for entry in rows:
            own = corrections.get(entry.name, correction)
            message = (
                own.place if entry.name in corrections else f"{own.place}: the same galaxy as {first.name}"
            )
            before = "" if entry.row in unread else CLASS_NAMES[entry.label]
            after = CLASS_NAMES[own.label]
            told.append(Corrected(entry.row, entry.name, str(own.table), before, after, message))
            if before != after:
                changed[entry.row] = replace(entry, label=own.label, vote_elliptical=nan, vote_spiral=nan)
    return [changed.get(entry.row, entry) for entry in objects], sorted(told, key=lambda one: one.row)


def correction_counts(corrected: Iterable[Corrected]) -> dict[str, int]:
    """Return the number of rows by change of class, such as ``{"spiral to elliptical": 3}``.

    Rows whose label was the same already are counted as ``unchanged``.
    """
    return dict(
        Counter(
            "unchanged" if one.before == one.after else f"{one.before or 'unreadable'} to {one.after}"
            for one in corrected
        ).most_common()
    )
