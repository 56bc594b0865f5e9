"""The objects of a table of sources, each in the field that it is cut from."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from catalog.errors import CatalogError
from catalog.fields.cutting import FieldImages
from catalog.fields.frames import Frame, field_notices, open_frames
from catalog.fields.located import Located, located
from catalog.fields.reader import FieldReader
from catalog.fields.tables import FieldEntry, read_fields, read_sources
from catalog.objects import Input
from catalog.plan import CHUNK_ROWS
from preprocessing.fits.content import status_of_file
from preprocessing.flux_scale import FluxScale
from preprocessing.locations import Location
from preprocessing.planes import PlaneRules
from serving.predict.description import Description

REJECTED_TOGETHER = 8 * CHUNK_ROWS
"""Rows that cannot be classified, in one group."""
_BLOCK = 2**16


def fields_input(
    fields: Location, sources: Location, description: Description, stamp_side: int | None = None
) -> Input:
    """Plan what is cut from field images.

    Parameters
    ----------
    fields, sources : Path or Remote
        Tables, see `catalog.fields.tables`.
    description : Description
        Of the model: bands, cut, calibration and limits.
    stamp_side : int, optional
        Side of the training stamps [pixels], needed if the sky level is subtracted; that which the model
        records by default.

    Returns
    -------
    Input
        The objects of a field form a group, in order of y.

    Raises
    ------
    CatalogError
        If a table cannot be used, the bands of a field are not on one pixel grid, no field has all bands, no
        source lies in a field, or tables and model contradict each other.

    Notes
    -----
    1. A row with right ascension and declination is looked up in all fields by their coordinate systems.
    2. A row without, or whose field has no coordinate system, is cut at its ``x`` and ``y`` in that field.
    """
    rules = PlaneRules(
        description.side,
        FluxScale.of(description.flux),
        description.limits["max_blank"],
        description.limits["max_saturated"],
    )
    wide = _cutout_side(rules, stamp_side or _training_side(description))
    entries = read_fields(fields, description.bands)
    _refuse_zero_points(fields, entries, rules)
    frames = open_frames(list(entries.values()), description.bands)
    if all(frame.unusable for frame in frames):
        raise CatalogError(f"no field of {fields} can be used: {_first_fault(frames)}")
    found = read_sources(sources)
    plan = located(found, frames)
    if not plan.usable.any():
        raise CatalogError(f"{sources}: no source can be cut from {fields}: {plan.usual_problems()}")
    table, groups = _table(plan)
    images = tuple(_images(frame, description.bands) for frame in frames)
    reader = FieldReader(description.bands, images, rules, wide)
    about = {"fields": str(fields), "sources": str(sources), "stamp_side": wide}
    notices = (*description.notices, *field_notices(frames), *found.notices)
    return Input(table, groups, reader, _digest(table, reader), about, notices)


def _cutout_side(rules: PlaneRules, stamp_side: int | None) -> int:
    if rules.flux_scale.background == "none":
        return rules.side
    if stamp_side is None:
        raise CatalogError(
            "the model subtracts the sky level of the whole stamp (background = sigma_clip), and does not"
            " record one side of its training stamps: give it in pixels by --stamp-size"
        )
    if stamp_side < rules.side:
        raise CatalogError(f"--stamp-size {stamp_side} is below the cut of the model, {rules.side} pixels")
    return stamp_side


def _training_side(description: Description) -> int | None:
    """Return the side of the training stamps; None if it is not known, or they were no squares."""
    height, width = description.training.stamp if description.training is not None else (0, 1)
    return height if height == width else None


def _refuse_zero_points(fields: Location, entries: Mapping[str, FieldEntry], rules: PlaneRules) -> None:
    if rules.flux_scale.zero_points != "none":
        return
    for entry in entries.values():
        for band, file in entry.files.items():
            if file.zero_point is not None:
                raise CatalogError(
                    f"{fields} has a zero_point for field {entry.name}, band {band}, but the model was"
                    ' trained without zero points (zero_points = "none"); leave the column out'
                )


def _first_fault(frames: Sequence[Frame]) -> str:
    fault = next((frame.unusable for frame in frames if frame.unusable), None)
    return (f"{fault.file}: " if fault.file else "") + fault.message if fault else "it has no fields"


def _images(frame: Frame, bands: Sequence[str]) -> FieldImages:
    return FieldImages(frame.name, () if frame.unusable else tuple(frame.files[band] for band in bands))


def _table(plan: Located) -> tuple[pa.Table, list[int]]:
    """Return the objects, sorted by field and row of the image, and the size of each group."""
    places, usable = plan.places, plan.usable
    field = np.where(usable, places.field, np.iinfo(np.int32).max)
    order = np.lexsort([places.x, places.y, field])
    objects = plan.objects
    others = pa.ListArray.from_arrays(3 * places.offsets, pa.array(places.others.reshape(-1), pa.int32()))
    for name, cells in (("field", places.field), ("x", places.x), ("y", places.y), ("others", others)):
        objects = objects.append_column(name, pa.array(cells) if name != "others" else cells)
    table = objects.take(pa.array(order)).combine_chunks()
    ordered = field[order]
    cut = int(np.count_nonzero(usable))
    starts = [0, *(np.flatnonzero(np.diff(ordered[:cut])) + 1).tolist(), cut]
    starts += [*range(cut + REJECTED_TOGETHER, len(order), REJECTED_TOGETHER), len(order)]
    return table, [end - start for start, end in pairwise(starts) if end > start]


def _digest(table: pa.Table, reader: FieldReader) -> str:
    """Return a digest of objects and places, of the reader, and of size and time of each image."""
    digest = hashlib.sha256(repr((reader.bands, reader.rules, reader.stamp_side)).encode())
    for batch in table.to_batches(max_chunksize=_BLOCK):
        for name, column in zip(batch.schema.names, batch.columns, strict=True):
            digest.update(f"{name} {len(column)}".encode())
            for part in _parts(column):
                digest.update(part)
    for field in reader.fields:
        for file in field.files:
            status = [status_of_file(path) for path in (file.path, file.weight) if path is not None]
            digest.update(repr((field.name, file, status)).encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def _parts(column: pa.Array) -> Iterator[bytes]:
    """Yield the bytes of all cells; their lengths first, if these differ."""
    if pa.types.is_string(column.type):
        yield pc.fill_null(pc.binary_length(column), -1).to_numpy().tobytes()
        # Joined, because the texts of missing cells may lie in the buffer, too.
        yield b"".join(column.drop_null().cast(pa.binary()).to_pylist())
    elif pa.types.is_list(column.type):
        yield pc.list_value_length(column).to_numpy().tobytes()
        yield column.flatten().to_numpy().tobytes()
    else:
        yield column.to_numpy().tobytes()
