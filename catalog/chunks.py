"""The files of classified chunks: every row of a chunk, as a result or as a reject."""

import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import parquet

from catalog.batches import Reject
from catalog.errors import CatalogError
from catalog.plan import other_plan
from catalog.store import Store

FOLDER = "chunks"
_DIGEST = b"plan"  # key in the metadata of a file
_FLOATS = ("p_elliptical", "p_spiral", "novelty", "novelty_distance")


@dataclass
class ChunkResult:
    """The outcomes of the rows of a chunk, as they come.

    Parameters
    ----------
    objects : pyarrow.Table
        Of the chunk, see `catalog.objects.COLUMNS`.

    Attributes
    ----------
    waiting : int
        Number of rows without an outcome.
    """

    objects: pa.Table
    waiting: int = field(init=False)

    def __post_init__(self) -> None:
        self._place = {row: place for place, row in enumerate(self.objects.column("row").to_pylist())}
        count = self.waiting = len(self._place)
        self._done = np.zeros(count, bool)
        self._rejects: dict[int, Reject] = {}
        self._texts: list[tuple[str | None, str | None]] = [(None, None)] * count
        self._flags = np.zeros(count, np.int32)
        self._numbers = {name: np.full(count, np.nan, np.float32) for name in _FLOATS}
        self._extra: dict[str, NDArray[np.float32]] = {}

    def reject(self, rejects: Iterable[Reject]) -> None:
        """Note rejects."""
        for reject in rejects:
            self._rejects[self._take(reject.row)] = reject

    def add(
        self,
        rows: Sequence[int],
        *,
        numbers: Mapping[str, NDArray[np.float32]],
        morphology: Sequence[str],
        flags: NDArray[np.int32],
        version: str,
        extra: Mapping[str, NDArray[np.float32]],
    ) -> None:
        """Note results.

        Parameters
        ----------
        rows : sequence of int
        numbers : mapping of str to numpy.ndarray, float32, shape (n,)
            By column.
        morphology : sequence of str
        flags : numpy.ndarray, int32, shape (n,)
        version : str
        extra : mapping of str to numpy.ndarray, float32, shape (n,) or (n, k)
            Optional columns.
        """
        places = np.array([self._take(row) for row in rows], np.int64)
        for name, values in numbers.items():
            self._numbers[name][places] = values
        self._flags[places] = flags
        for place, word in zip(places.tolist(), morphology, strict=True):
            self._texts[place] = word, version
        for name, values in extra.items():
            column = self._extra.setdefault(
                name, np.full((len(self._done), *values.shape[1:]), np.nan, np.float32)
            )
            column[places] = values

    def _take(self, row: int) -> int:
        place = self._place[row]
        if self._done[place]:
            raise AssertionError(f"row {row} has two outcomes")
        self._done[place] = True
        self.waiting -= 1
        return place

    def table(self) -> pa.Table:
        """Return the table of all rows; their order is that of the objects."""
        rejects = [self._rejects.get(place) for place in range(len(self._done))]
        columns: dict[str, Any] = {
            name: self.objects.column(name) for name in ("row", "name", "ra", "dec", "magnitude")
        }
        columns |= {name: pa.array(values) for name, values in self._numbers.items()}
        columns["morphology"] = pa.array([word for word, _ in self._texts], pa.string())
        columns["flags"] = pa.array(self._flags)
        columns["model_version"] = pa.array([version for _, version in self._texts], pa.string())
        for name in ("file", "reason", "message"):
            cells = [None if reject is None else getattr(reject, name) for reject in rejects]
            columns[name] = pa.array(cells, pa.string())
        for name, values in self._extra.items():
            columns[name] = (
                pa.array(values)
                if values.ndim == 1
                else pa.FixedSizeListArray.from_arrays(pa.array(values.reshape(-1)), values.shape[1])
            )
        return pa.table(columns)


def file_name(chunk: int) -> str:
    """Return the name of the file of a chunk, in the work folder."""
    return f"{FOLDER}/{chunk:08d}.parquet"


def finished(store: Store) -> set[int]:
    """Return the numbers of the chunks that have a file."""
    return {int(name.split(".")[0]) for name in store.names(FOLDER) if name.split(".")[0].isdigit()}


def exists(store: Store, chunk: int) -> bool:
    """Return whether a chunk has a file."""
    return store.exists(file_name(chunk))


def save(store: Store, digest: str, chunk: int, result: ChunkResult) -> None:
    """Write the file of a chunk whose rows all have an outcome; `digest` is that of the plan."""
    if result.waiting:
        raise AssertionError(f"{result.waiting} rows of chunk {chunk} have no outcome")
    content = io.BytesIO()
    table = result.table().replace_schema_metadata({_DIGEST: digest})
    parquet.write_table(table, content, compression="zstd")
    store.write(file_name(chunk), content.getvalue())


def load(store: Store, digest: str, chunk: int, columns: list[str] | None = None) -> pa.Table:
    """Return the table of a chunk, or some of its columns in the given order.

    Raises
    ------
    CatalogError
        If it is missing, damaged, or of another plan.
    """
    name = file_name(chunk)
    try:
        table = parquet.read_table(io.BytesIO(store.read(name)), columns=columns)
    except FileNotFoundError:
        raise CatalogError(f"{store.place}/{name} is missing") from None
    except pa.ArrowException as error:
        raise CatalogError(f"{store.place}/{name} is damaged: {error}") from error
    if (table.schema.metadata or {}).get(_DIGEST) != digest.encode():
        raise other_plan(f"{store.place}/{name}")
    return table.replace_schema_metadata()
