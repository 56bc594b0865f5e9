"""Read objects from stamps: one file for each band, one cube for each object, or a table of paths."""

import hashlib
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa

from catalog.batches import Batch, Reject
from catalog.errors import CatalogError
from catalog.objects import Input, digest_of, read_table, table_of_objects
from preprocessing.bands import band_spellings
from preprocessing.fits.files import StampError, read_bytes
from preprocessing.locations import Location, is_uri, location
from preprocessing.processes import BrokenTaskError, WorkerPool
from preprocessing.stamps import Stamp, StampReader
from serving.predict.description import Description
from serving.predict.errors import PredictError
from serving.predict.files import names_in, template_of
from serving.predict.reading import StackedFlux, default_workers, reader_was_killed

PATH_PREFIXES = ("path_", "stamp_", "file_", "")
"""Before the name of a band, in lower case, in the columns of a table of paths."""
_TABLES = (".csv", ".ecsv", ".fits", ".vot", ".parquet")


@dataclass(frozen=True)
class ReadStamps:
    """Reads some objects in this process; can be pickled.

    Attributes
    ----------
    reader : StampReader
    with_paths : bool
        Whether the objects have a column ``path_{band}`` for each band; otherwise the template counts.
    """

    reader: StampReader
    with_paths: bool

    def __call__(self, objects: pa.Table) -> Batch:
        """Read them; what cannot be read becomes a reject."""
        rows = objects.column("row").to_numpy()
        stacked = StackedFlux.of(self._stamps(objects), len(rows), self.reader.side, self.reader.bands)
        rejects = [
            Reject(int(rows[place]), error.path, error.reason, error.message)
            for place, error in stacked.errors.items()
        ]
        return Batch(rows, rejects, rows[stacked.good], stacked.flux, stacked.flags)

    def _stamps(self, objects: pa.Table) -> Iterator[Stamp | StampError]:
        names, ra, dec = (objects.column(name).to_pylist() for name in ("name", "ra", "dec"))
        positions = zip(names, ra, dec, strict=True)
        if not self.with_paths:
            yield from self.reader.read_each(positions)
            return
        paths = {band: objects.column(f"path_{band}").to_pylist() for band in self.reader.bands}
        for place, (name, *position) in enumerate(positions):
            try:
                yield self.reader.read_with(
                    name, (position[0], position[1]), partial(_read_path, paths, place)
                )
            except StampError as error:
                yield error


def _read_path(paths: Mapping[str, Sequence[str]], place: int, band: str) -> tuple[Location, bytes]:
    text = paths[band][place]
    if not text:
        raise StampError("missing_file", "", f"the table has no path for band {band}")
    path = location(text)
    return path, read_bytes(path)


@dataclass(frozen=True)
class StampsReader:
    """Reads the objects of a chunk, in several processes.

    Attributes
    ----------
    read : ReadStamps
    workers : int
        Number of processes; 1 reads in this process. They stay until this process ends.
    """

    read: ReadStamps
    workers: int = 1

    def __call__(self, objects: pa.Table, size: int) -> Iterator[Batch]:
        """Yield the objects in batches of `size`, in their order."""
        parts = (objects.slice(start, size).combine_chunks() for start in range(0, len(objects), size))
        try:
            for _, batch in _pool(self.workers).map(self.read, parts, lambda part: part):
                yield batch
        except BrokenTaskError as error:
            names = error.task.column("name").to_pylist()
            stop_reading()
            raise CatalogError(reader_was_killed(names[0], names[-1])) from None


_POOLS: dict[tuple[int, int], WorkerPool] = {}  # by number of processes, and the process that they are of
_LOCK = threading.Lock()


def _pool(workers: int) -> WorkerPool:
    key = workers, os.getpid()
    with _LOCK:  # a worker of Beam runs several tasks in threads
        if key not in _POOLS:
            _POOLS[key] = WorkerPool(workers)
        return _POOLS[key]


def workers_beside_a_model(objects: int) -> int:
    """Return the number of processes that read so many objects: half the cores, up to 4; 1 for few.

    The model uses all cores. Reading ahead in a thread of this process takes less from it than another
    process does, from which the pixels must be copied: two cores classified plain stamps at 0.96 of the speed
    of the model alone, and at 0.88 with two processes (`benchmarks.classify`).
    """
    return min(default_workers(objects), max(1, len(os.sched_getaffinity(0)) // 2))


def stop_reading() -> None:
    """End the processes that read stamps for this process, at once."""
    with _LOCK:
        while _POOLS:
            _POOLS.popitem()[1].terminate()


def stamps_input(
    place: str,
    table: Location | None,
    description: Description,
    cube_bands: Sequence[str] = (),
    workers: int | None = None,
) -> Input:
    """Return the objects of a template, a folder or a table of paths.

    Parameters
    ----------
    place : str
        Template with ``{name}`` and ``{band}``, folder, or table of paths (`read_paths`); a path or a URI.
    table : Path, Remote or None
        Table of the objects; by default all that have files.
    description : Description
        Of the model: bands, cut, calibration and limits.
    cube_bands : sequence of str
        Bands of a cube's planes; empty for those of the model, or if each band has a file.
    workers : int, optional
        Processes that read; `workers_beside_a_model` by default.

    Raises
    ------
    CatalogError
        If the input cannot be used, or there are no objects.
    StorageError
        If an object store cannot be read.
    """
    notices: tuple[str, ...] = ()
    try:
        if "{" not in place and _is_table(place):
            if table is not None or cube_bands:
                option = "--cube-bands" if cube_bands else "--table"
                raise CatalogError(f"--stamps {place} is a table of paths, which needs no {option}")
            return _input_of_paths(location(place), description, workers)
        cube_bands = description.planes_of_cubes(cube_bands, one_file_per_band="{band}" in place)
        template = template_of(place, description.bands, cubes=bool(cube_bands))
        reader = description.reader(template, cube_bands)
        if table is None:
            names = names_in(template, description.bands)
            if not names:
                bands = ", ".join(description.bands)
                raise CatalogError(f"no file is named like {template} in a band of {bands}")
            unknown = np.full(len(names), np.nan)
            objects = table_of_objects(names, unknown, unknown)
        else:
            objects, _, notices = read_table(table, "--table")
    except PredictError as error:
        raise CatalogError(str(error)) from error
    notices = (*description.notices, *notices)
    return _input(objects, reader, False, workers, {"stamps": template, "table": table}, notices)


def _is_table(place: str) -> bool:
    return place.lower().endswith(_TABLES) if is_uri(place) else Path(place).is_file()


def _input_of_paths(path: Location, description: Description, workers: int | None) -> Input:
    """Return the objects of a table with the columns ``name`` and, for each band, of paths.

    The column of a band is named by any spelling of the band, perhaps after one of `PATH_PREFIXES`. Paths
    are relative to the table.
    """
    wanted = {
        band: [f"{prefix}{spelling}".lower() for prefix in PATH_PREFIXES for spelling in band_spellings(band)]
        for band in description.bands
    }
    objects, texts, notices = read_table(path, "--stamps", wanted)
    reader = description.reader("{name}{band}")
    folder = "" if is_uri(str(path)) else os.path.dirname(os.path.abspath(str(path)))
    for band, column in texts.items():
        full = [text if not text or is_uri(text) else os.path.join(folder, text) for text in column]
        objects = objects.append_column(f"path_{band}", pa.array(full, pa.string()))
    notices = (*description.notices, *notices)
    return _input(objects, reader, True, workers, {"stamps": path, "table": None}, notices)


def _input(
    objects: pa.Table,
    reader: StampReader,
    with_paths: bool,
    workers: int | None,
    about: Mapping[str, object],
    notices: Sequence[str],
) -> Input:
    digest = hashlib.sha256(f"{reader!r} {digest_of(objects)}".encode()).hexdigest()
    shown = {name: None if value is None else str(value) for name, value in about.items()}
    read = StampsReader(ReadStamps(reader, with_paths), workers or workers_beside_a_model(len(objects)))
    return Input(objects, [len(objects)], read, digest, {"kind": "stamps", **shown}, notices)
