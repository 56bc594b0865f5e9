"""Read the stamps of many objects in worker processes, in batches."""

import os
from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from evaluation.formats.catalogue import Flag
from evaluation.formats.training_ranges import TrainingRanges
from evaluation.quality import measured_flags
from preprocessing.faults import own_fault
from preprocessing.fits.files import StampError
from preprocessing.locations import Location
from preprocessing.processes import BrokenTaskError, WorkerPool
from preprocessing.stamp_files import ReadBand, read_ahead
from preprocessing.stamps import Stamp, StampReader
from preprocessing.storage_errors import StorageError
from serving.predict.errors import PredictError
from serving.predict.objects import Objects
from serving.predict.outcomes import Reject
from serving.predict.payload import Files, Flux, Payload

_FEW = 256  # so many objects are read before two processes have started
_FILE_LIMIT = 2**26


@dataclass(frozen=True)
class Batch:
    """Objects that follow each other, as they were read.

    Attributes
    ----------
    rows : list of int
        All of them, by index.
    rejects : dict of int to Reject
        The unreadable ones, by index.
    good : list of int
        Indices of the others.
    payload : Flux or Files
        What is sent of them.
    flags : list of int
        For each of `good`.
    """

    rows: list[int]
    rejects: dict[int, Reject]
    good: list[int]
    payload: Payload
    flags: list[int]


Task = Sequence[tuple[int, str, float, float]]
"""Index, name, right ascension and declination [deg] of some objects."""


class BatchReader(Protocol):
    """Reads the objects of a batch; can be pickled."""

    def __call__(self, task: Task) -> Batch:
        """Read them; what cannot be read becomes a reject."""


def flags_of(stamp: Stamp) -> int:
    """Return the sum of the `evaluation.formats.catalogue.Flag` that the pixels of an object set."""
    bits = Flag.STAMP_QUALITY if stamp.warnings else Flag(0)
    for plane in stamp.planes.values():
        bits |= Flag.BLANK if plane.blank else Flag(0)
        bits |= Flag.SATURATED if plane.saturated else Flag(0)
    return int(bits)


@dataclass(frozen=True)
class StackedFlux:
    """The flux of objects that were read, and why the others were not.

    Attributes
    ----------
    errors : dict of int to StampError
        By place among the objects.
    good : list of int
        Places of the others.
    flux : numpy.ndarray, float32, shape (n, side, side, bands)
        Of `good`.
    flags : numpy.ndarray, int32, shape (n,)
        `flags_of` each of them.
    """

    errors: dict[int, StampError]
    good: list[int]
    flux: NDArray[np.float32]
    flags: NDArray[np.int32]

    @classmethod
    def of(
        cls, stamps: Iterable[Stamp | StampError], count: int, side: int, bands: Sequence[str]
    ) -> "StackedFlux":
        """Stack the planes of `count` objects."""
        errors: dict[int, StampError] = {}
        good: list[int] = []
        flags: list[int] = []
        flux = np.empty((count, side, side, len(bands)), np.float32)
        for place, stamp in enumerate(stamps):
            if isinstance(stamp, StampError):
                errors[place] = stamp
                continue
            for channel, band in enumerate(bands):
                flux[len(good), :, :, channel] = stamp.planes[band].flux
            good.append(place)
            flags.append(flags_of(stamp))
        return cls(errors, good, flux[: len(good)], np.array(flags, np.int32))


@dataclass(frozen=True)
class FluxOfStamps:
    """Reads the flux of objects, by the rules of a model.

    Attributes
    ----------
    reader : StampReader
    training : TrainingRanges or None
        Of the galaxies that the model learned from, if it records them.
    """

    reader: StampReader
    training: TrainingRanges | None = None

    def __call__(self, task: Task) -> Batch:
        """Read a batch."""
        bands = tuple(self.reader.bands)
        stamps = self.reader.read_each((name, ra, dec) for _, name, ra, dec in task)
        stacked = StackedFlux.of(stamps, len(task), self.reader.side, bands)
        rows = [row for row, *_ in task]
        rejects = {
            rows[place]: Reject(error.path, error.reason, error.message)
            for place, error in stacked.errors.items()
        }
        flags = stacked.flags | measured_flags(stacked.flux, self.training)
        good = [rows[place] for place in stacked.good]
        return Batch(rows, rejects, good, Flux(stacked.flux, bands), flags.tolist())


@dataclass(frozen=True)
class FilesOfStamps:
    """Reads the files of objects, for a server that decodes them.

    Attributes
    ----------
    template : str
    bands : tuple of str
        Red first.
    """

    template: str
    bands: tuple[str, ...]

    def __call__(self, task: Task) -> Batch:
        """Read a batch."""
        rejects: dict[int, Reject] = {}
        good: list[int] = []
        payload = Files([], [], self.bands)
        files = read_ahead(self.template, self.bands, [name for _, name, _, _ in task])
        for (row, name, _, _), read_band in zip(task, files, strict=True):
            try:
                found = [_content(self.template, name, band, read_band) for band in self.bands]
            except StampError as error:
                rejects[row] = Reject(error.path, error.reason, error.message)
                continue
            good.append(row)
            payload.contents.append([content for _, content in found])
            payload.paths.append([str(path) for path, _ in found])
        return Batch([row for row, *_ in task], rejects, good, payload, [0] * len(good))


def _content(template: str, name: str, band: str, read_band: ReadBand) -> tuple[Location, bytes]:
    try:
        path, content = read_band(band)
    except (StampError, StorageError):
        raise
    except Exception as error:
        raise own_fault(name, template.replace("{band}", band).replace("{name}", name), error) from error
    if len(content) > _FILE_LIMIT:
        raise StampError("too_large", path, f"{len(content):,} bytes, limit {_FILE_LIMIT:,} in a request")
    return path, content


def read_batches(
    objects: Objects, read: BatchReader, *, first: int, size: int, workers: int | None
) -> Generator[Batch, None, None]:
    """Read objects.

    Parameters
    ----------
    objects : Objects
    read : BatchReader
    first : int
        Index of the first object to read.
    size : int
        Objects in a batch.
    workers : int or None
        Number of processes; None for as many as there are cores, at most 4, and none for few objects. With 1
        the stamps are read in this process.

    Yields
    ------
    Batch
        In the order of the objects. At most two batches for each process are read ahead.

    Raises
    ------
    PredictError
        If a process ends unexpectedly.
    """
    starts = range(first, len(objects), size)
    tasks = (_task(objects, start, min(start + size, len(objects))) for start in starts)
    pool = WorkerPool(workers or default_workers(len(objects) - first))
    try:
        for task, batch in pool.map(read, tasks, lambda task: _readable(objects, task)):
            yield _with_problems(objects, batch, task)
    except BrokenTaskError as error:
        pool.terminate()
        raise PredictError(reader_was_killed(error.task[0][1], error.task[-1][1])) from None
    except BaseException:
        pool.terminate()
        raise
    pool.close()


def default_workers(objects: int) -> int:
    """Return the number of processes that read so many objects: one for each core, up to 4; 1 for few."""
    return min(len(os.sched_getaffinity(0)), 4) if objects > _FEW else 1


def reader_was_killed(first: str, last: str) -> str:
    """Return the message about a process that was killed while it read the objects `first` to `last`."""
    return (
        "a process that reads stamps was killed, perhaps for lack of memory, near the objects"
        f" {first} to {last}"
    )


def _task(objects: Objects, start: int, end: int) -> Task:
    return [(row, objects.names[row], *objects.position(row)) for row in range(start, end)]


def _readable(objects: Objects, task: Task) -> Task:
    return [entry for entry in task if entry[0] not in objects.problems]


def _with_problems(objects: Objects, batch: Batch, task: Task) -> Batch:
    rows = [row for row, *_ in task]
    problems = {row: Reject("", *objects.problems[row]) for row in rows if row in objects.problems}
    return replace(batch, rows=rows, rejects=batch.rejects | problems)
