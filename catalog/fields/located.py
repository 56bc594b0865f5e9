"""Where the sources of a table lie, and which of them cannot be cut from any field."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from catalog.fields.assignment import Assignment, Places
from catalog.fields.frames import Frame, Unusable
from catalog.fields.tables import Sources

_NOWHERE = Unusable("bad_position", "", "the row has neither ra and dec nor field, x and y")
_OFF = Unusable("off_fields", "", "no field covers the position")
_OUTSIDE = Unusable("off_fields", "", "x and y lie outside the image of the field")

Rows = NDArray[np.bool_]


@dataclass(frozen=True)
class Located:
    """Sources in their fields.

    Attributes
    ----------
    objects : pyarrow.Table
        See `catalog.objects.COLUMNS`; rows that cannot be cut are rejects.
    places : Places
        Of all rows.
    usable : numpy.ndarray, bool, shape (n,)
        Rows that are no rejects.
    """

    objects: pa.Table
    places: Places
    usable: Rows

    def usual_problems(self) -> str:
        """Return why most rejects are rejects, in words."""
        messages = Counter(self.objects.column("message").drop_null().to_pylist())
        (message, count), *_ = messages.most_common(1)
        return f"{message} ({count:,} of {len(self.objects):,} rows)"


def located(sources: Sources, frames: Sequence[Frame]) -> Located:
    """Find the fields of sources.

    Parameters
    ----------
    sources : Sources
    frames : sequence of Frame

    Returns
    -------
    Located

    Notes
    -----
    A row with right ascension and declination is looked up in all fields by their coordinate systems. A row
    without these, or whose field has no coordinate system, lies at its x and y in that field; it gets its
    position on the sky from there if the field has a coordinate system.
    """
    assignment = Assignment(frames)
    ra, dec = (sources.objects.column(name).to_numpy().copy() for name in ("ra", "dec"))
    named = sources.objects.column("reason").is_null().to_numpy()
    field, by_pixel = _by_pixel(sources, frames, np.isfinite(ra))
    by_pixel &= named
    by_sky = np.isfinite(ra) & named & ~by_pixel
    sky, pixel = np.flatnonzero(by_sky), np.flatnonzero(by_pixel)
    places = _merged(
        len(ra),
        (sky, assignment.of_positions(ra[sky], dec[sky])),
        (pixel, assignment.of_pixels(field[pixel], sources.x[pixel], sources.y[pixel])),
    )
    for index in np.unique(places.field[by_pixel & np.isnan(ra) & (places.field >= 0)]).tolist():
        if frames[index].cards is not None:
            rows = np.flatnonzero(by_pixel & np.isnan(ra) & (places.field == index))
            ra[rows], dec[rows] = assignment.system(index).positions(sources.x[rows] - 1, sources.y[rows] - 1)
    problem, problems = _problems(places, frames, by_sky, by_pixel)
    if sources.field is not None:
        _name_unknown_fields(problem, problems, sources.field, by_pixel & (field < 0))
    problem[~named] = -1
    objects = _with_problems(sources.objects, problem, problems)
    for name, values in (("ra", ra), ("dec", dec)):
        objects = objects.set_column(objects.column_names.index(name), name, pa.array(values))
    return Located(objects, places, named & (problem < 0))


def _by_pixel(sources: Sources, frames: Sequence[Frame], on_sky: Rows) -> tuple[NDArray[np.int32], Rows]:
    """Return the field that each row names, -1 for an unknown one, and the rows that lie at x and y."""
    count = len(sources.objects)
    if sources.field is None:
        return np.full(count, -1, np.int32), np.zeros(count, bool)
    numbers = {frame.name: index for index, frame in enumerate(frames)}
    field = np.array([numbers.get(name, -1) for name in sources.field], np.int32)
    given = np.isfinite(sources.x) & np.isfinite(sources.y) & np.array([bool(name) for name in sources.field])
    without_system = np.array([frame.cards is None for frame in frames] + [False])[field]
    return field, given & (~on_sky | without_system)


def _merged(count: int, *parts: tuple[NDArray[np.int64], Places]) -> Places:
    """Return the places of all rows from those of some; only the first part has other places."""
    field, x, y = np.full(count, -1, np.int32), np.zeros(count, np.int32), np.zeros(count, np.int32)
    usable, counts = np.zeros(count, bool), np.zeros(count, np.int32)
    for rows, places in parts:
        field[rows], x[rows], y[rows], usable[rows] = places.field, places.x, places.y, places.usable
        counts[rows] = np.diff(places.offsets)
    offsets = np.zeros(count + 1, np.int32)
    np.cumsum(counts, out=offsets[1:])
    return Places(field, x, y, usable, offsets, parts[0][1].others)


def _problems(
    places: Places, frames: Sequence[Frame], by_sky: Rows, by_pixel: Rows
) -> tuple[NDArray[np.int32], list[Unusable]]:
    """Return for each row the index of its problem, or -1."""
    problems = [_NOWHERE, _OFF, _OUTSIDE]
    problem = np.where(by_sky | by_pixel, -1, 0).astype(np.int32)
    off = places.field < 0
    problem[by_sky & off], problem[by_pixel & off] = 1, 2
    faulty = ~off & ~places.usable
    for index in np.unique(places.field[faulty]).tolist():
        fault = frames[index].unusable
        assert fault is not None
        problem[faulty & (places.field == index)] = len(problems)
        problems.append(fault)
    return problem, problems


def _name_unknown_fields(
    problem: NDArray[np.int32], problems: list[Unusable], names: Sequence[str], rows: Rows
) -> None:
    known: dict[str, int] = {}
    for row in np.flatnonzero(rows).tolist():
        name = names[row]
        if name not in known:
            known[name] = len(problems)
            problems.append(Unusable("off_fields", "", f"--fields has no field {name!r}"))
        problem[row] = known[name]


def _with_problems(objects: pa.Table, problem: NDArray[np.int32], problems: Sequence[Unusable]) -> pa.Table:
    """Return the objects with the problems as rejects, beside the rejects that they had."""
    index = pa.array(problem, mask=problem < 0)
    for name in ("file", "reason", "message"):
        cells = pa.array([getattr(fault, name) for fault in problems], pa.string()).take(index)
        column = pc.coalesce(objects.column(name), cells)
        objects = objects.set_column(objects.column_names.index(name), name, column)
    return objects
