"""Measurement of the stamps of all rows in one pass, with several processes."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from preprocessing.faults import own_fault
from preprocessing.fits.files import StampError
from preprocessing.labels.reading import LabelledObject
from preprocessing.processes import run_in_processes
from preprocessing.rejects import Reject
from preprocessing.rows.division import StampNote, notes_on, refusal
from preprocessing.stamps import Stamp, StampReader
from report.inspection.measures import STATISTICS, PixelHistogram, measure

BATCH_ROWS = 64


@dataclass
class BandSurvey:
    """Measurements on the stamps of one band.

    Attributes
    ----------
    sizes : Counter of (int, int)
        Number of stamps by height and width [pixels], including those too small for the cut.
    pixels : PixelHistogram
        Histogram of the pixels of the kept squares.
    """

    sizes: Counter[tuple[int, int]] = field(default_factory=Counter)
    pixels: PixelHistogram = field(default_factory=PixelHistogram)
    _blocks: list[np.ndarray] = field(default_factory=list)

    @property
    def values(self) -> np.ndarray:
        """Measurements, one row for each object: float32, shape (N, len(STATISTICS))."""
        return np.concatenate([np.empty((0, len(STATISTICS)), np.float32), *self._blocks])

    def column(self, name: str) -> np.ndarray:
        """Return one of `STATISTICS` of every object: float32, shape (N,), NaN where unknown."""
        return self.values[:, STATISTICS.index(name)]

    def statistic(self, name: str) -> np.ndarray:
        """Return one of `STATISTICS` of every stamp for which it is known: float32, shape (M,)."""
        column = self.column(name)
        return column[np.isfinite(column)]

    def median(self, name: str) -> float:
        """Return the median of one of `STATISTICS`; NaN if there is none."""
        values = self.statistic(name)
        return float(np.median(values)) if values.size else float("nan")

    def add(self, other: "BandSurvey") -> None:
        """Add the measurements of other objects."""
        self.sizes += other.sizes
        self.pixels.add(other.pixels)
        self._blocks += other._blocks

    def measured(self, rows: Sequence[tuple[float, ...]]) -> None:
        """Add measurements, each in the order of `STATISTICS`."""
        self._blocks.append(np.array(rows, np.float32).reshape(-1, len(STATISTICS)))


@dataclass
class Survey:
    """Measurements, rejects and warnings of a set of objects.

    Memory grows by six numbers for each object and band, and by rejects and warnings, but not by pixels.

    Attributes
    ----------
    bands : dict of BandSurvey
    smallest : Counter of int
        Number of objects by the smallest side of their stamps [pixels], including those too small for the
        cut.
    rejects : list of Reject
    notes : list of StampNote
    """

    bands: dict[str, BandSurvey]
    smallest: Counter[int] = field(default_factory=Counter)
    rejects: list[Reject] = field(default_factory=list)
    notes: list[StampNote] = field(default_factory=list)

    def add(self, other: "Survey") -> None:
        """Add the results of other objects."""
        for band, found in other.bands.items():
            self.bands[band].add(found)
        self.smallest += other.smallest
        self.rejects += other.rejects
        self.notes += other.notes

    def large_enough(self, side: int) -> int:
        """Return the number of objects whose stamps have at least this side [pixels] in every band."""
        return sum(count for smallest, count in self.smallest.items() if smallest >= side)

    @property
    def sized(self) -> int:
        """Number of objects whose stamps have a known size."""
        return sum(self.smallest.values())


def survey_stamps(
    objects: Sequence[LabelledObject],
    reader: StampReader,
    *,
    workers: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> Survey:
    """Read the stamps of every object once.

    Parameters
    ----------
    objects : sequence of LabelledObject
    reader : StampReader
    workers : int
        Number of processes. The result does not depend on it. More than one needs a main module that can be
        imported.
    progress : callable, optional
        Called with the number of objects done and the total number.

    Returns
    -------
    Survey
    """
    batches = [objects[start : start + BATCH_ROWS] for start in range(0, len(objects), BATCH_ROWS)]
    # Starting a process takes half a second, the time to read hundreds of objects.
    workers = max(1, min(workers, len(batches) // 4))
    total, done = _empty(reader.bands), 0
    results = run_in_processes(partial(survey_batch, reader), batches, workers)
    for found, batch in zip(results, batches, strict=True):
        total.add(found)
        done += len(batch)
        if progress is not None:
            progress(done, len(objects))
    return total


def _empty(bands: Sequence[str]) -> Survey:
    return Survey({band: BandSurvey() for band in bands})


def survey_batch(reader: StampReader, batch: Sequence[LabelledObject]) -> Survey:
    """Read the stamps of some objects, in a worker process.

    Parameters
    ----------
    reader : StampReader
    batch : sequence of LabelledObject

    Returns
    -------
    Survey
    """
    found = _empty(reader.bands)
    measurements: dict[str, list[tuple[float, ...]]] = {band: [] for band in reader.bands}
    stamps = reader.read_each((entry.name, entry.ra, entry.dec) for entry in batch)
    for entry, stamp in zip(batch, stamps, strict=True):
        try:
            if isinstance(stamp, StampError):
                raise stamp
            measured = _measured(entry, stamp, reader)
        except StampError as error:
            found.rejects.append(refusal(entry.row, entry.name, error))
            if error.reason == "too_small":
                _note_sizes(found, reader.sizes(entry.name))
            continue
        found.notes += notes_on(entry.row, entry.name, stamp)
        _note_sizes(found, {band: (plane.height, plane.width) for band, plane in stamp.planes.items()})
        for band, plane in stamp.planes.items():
            measurements[band].append(measured[band])
            found.bands[band].pixels.count(plane.flux)
    for band, rows in measurements.items():
        found.bands[band].measured(rows)
    return found


def _measured(entry: LabelledObject, stamp: Stamp, reader: StampReader) -> dict[str, tuple[float, ...]]:
    try:
        return {band: measure(plane) for band, plane in stamp.planes.items()}
    except Exception as error:
        raise own_fault(entry.name, reader.template, error) from error


def _note_sizes(found: Survey, sizes: dict[str, tuple[int, int]]) -> None:
    for band, size in sizes.items():
        found.bands[band].sizes[size] += 1
    if sizes:
        found.smallest[min(min(size) for size in sizes.values())] += 1
