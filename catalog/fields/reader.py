"""Cut stamps from field images, in memory."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from catalog.batches import Batch, Reject
from catalog.fields.cutting import FieldImages, OpenFields, Place
from preprocessing.fits.files import StampError
from preprocessing.planes import PlaneRules
from preprocessing.stamps import Stamp
from serving.predict.reading import flags_of

_LOCAL = threading.local()


@dataclass(frozen=True)
class FieldReader:
    """Reads the objects of a chunk, as `catalog.batches.Reader`; can be pickled.

    Beside `catalog.objects.COLUMNS` the objects have ``field`` (index of `fields`), ``x`` and ``y`` (nearest
    pixel, from 0), and ``others``: field, x and y of each further place, one after the other.

    Attributes
    ----------
    bands : tuple of str
        Red first.
    fields : tuple of FieldImages
    rules : PlaneRules
        Of the model.
    stamp_side : int
        Side of the cutout from which the sky level is taken [pixels], not below that of the cut.
    """

    bands: tuple[str, ...]
    fields: tuple[FieldImages, ...]
    rules: PlaneRules
    stamp_side: int

    def __call__(self, objects: pa.Table, size: int) -> Iterator[Batch]:
        """Yield the objects in batches of at most `size`, in order of their rows on the image.

        If a stamp cannot be used, the next place of the object is tried, after the first places of all.
        """
        opened, outcomes = self._opened(), _Outcomes(self, size)
        waiting = _wanted(objects)
        while waiting:
            again: list[_Wanted] = []
            for wanted in sorted(waiting, key=lambda item: item.places[0]):
                try:
                    outcomes.add(wanted.row, *opened.stamp(wanted.name, wanted.places[0]))
                except StampError as error:
                    errors = [*wanted.errors, error]
                    if wanted.places[1:]:
                        again.append(_Wanted(wanted.row, wanted.name, wanted.places[1:], errors))
                    else:
                        outcomes.reject(_reject(wanted.row, errors))
                if outcomes.is_full:
                    yield outcomes.batch()
            waiting = again
        if len(outcomes):
            yield outcomes.batch()

    def _opened(self) -> OpenFields:
        # Of this thread, so that a field stays open from one of its chunks to the next.
        found: tuple[FieldReader, OpenFields] | None = getattr(_LOCAL, "found", None)
        if found is None or found[0] is not self:
            found = self, OpenFields(self.fields, self.bands, self.rules, self.stamp_side)
            _LOCAL.found = found
        return found[1]


@dataclass(frozen=True)
class _Wanted:
    """An object, the places that are left to try, and why the earlier ones could not be used."""

    row: int
    name: str
    places: list[Place]
    errors: list[StampError] = field(default_factory=list)


def _wanted(objects: pa.Table) -> list[_Wanted]:
    columns = (objects.column(name).to_pylist() for name in ("row", "name", "field", "x", "y", "others"))
    found = []
    for row, name, index, x, y, others in zip(*columns, strict=True):
        triples = zip(others[::3], others[2::3], others[1::3], strict=True)
        more = [Place(*triple) for triple in triples]
        found.append(_Wanted(row, name, [Place(index, y, x), *more]))
    return found


def _reject(row: int, errors: list[StampError]) -> Reject:
    """Return the reject of an object; the reason is that of its first place."""
    first, *others = errors
    tried = f"; also tried: {', '.join(dict.fromkeys(error.path for error in others))}" if others else ""
    return Reject(row, first.path, first.reason, f"{first.message}{tried}")


class _Outcomes:
    """Gathers the outcomes of objects into a batch."""

    def __init__(self, reader: FieldReader, size: int) -> None:
        self._shape = size, reader.rules.side, reader.rules.side, len(reader.bands)
        self._bands, self._size = reader.bands, size
        self._begin()

    def _begin(self) -> None:
        self._rejects: list[Reject] = []
        self._good: list[int] = []
        self._flags: list[int] = []
        self._flux = np.empty(self._shape, np.float32)

    def __len__(self) -> int:
        return len(self._good) + len(self._rejects)

    @property
    def is_full(self) -> bool:
        return len(self) == self._size

    def add(self, row: int, stamp: Stamp, flags: int) -> None:
        for place, band in enumerate(self._bands):
            self._flux[len(self._good), :, :, place] = stamp.planes[band].flux
        self._good.append(row)
        self._flags.append(flags_of(stamp) | flags)

    def reject(self, reject: Reject) -> None:
        self._rejects.append(reject)

    def batch(self) -> Batch:
        """Return the batch, and begin another."""
        good = np.array(self._good, np.int64)
        rows = np.concatenate([good, np.array([reject.row for reject in self._rejects], np.int64)])
        batch = Batch(rows, self._rejects, good, self._flux[: len(good)], np.array(self._flags, np.int32))
        self._begin()
        return batch
