"""A random sample of rows that come in blocks, the same whatever the blocks and their order."""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray


class Sample:
    """Keeps some of the rows that are added.

    Parameters
    ----------
    size : int
        Largest number of rows that are kept.
    seed : int

    Notes
    -----
    Every row gets a pseudo-random number from its own number and the seed, by the finaliser of splitmix64
    (Steele, Lea & Flood 2014), and the rows with the smallest are kept. So every subset of `size` rows is
    equally likely, and memory holds `size` rows and one block.
    """

    def __init__(self, size: int, seed: int) -> None:
        self._size, self._seed = size, seed
        self._keys: NDArray[np.uint64] = np.empty(0, np.uint64)
        self._rows: pa.Table | None = None

    @property
    def rows(self) -> pa.Table | None:
        """The rows that were kept, in order of their random numbers; None if none was added."""
        return self._rows

    def add(self, block: pa.Table) -> None:
        """Add rows with a column ``row``."""
        keys = _mixed(block["row"].to_numpy().astype(np.uint64), self._seed)
        if len(self._keys) == self._size:
            nearer = keys < self._keys[-1]
            keys, block = keys[nearer], block.filter(pa.array(nearer))
        if not len(keys) and self._rows is not None:
            return
        every = np.concatenate([self._keys, keys])
        kept = np.argsort(every, kind="stable")[: self._size]
        rows = block if self._rows is None else pa.concat_tables([self._rows, block])
        self._keys, self._rows = every[kept], rows.take(pa.array(kept)).combine_chunks()


def _mixed(rows: NDArray[np.uint64], seed: int) -> NDArray[np.uint64]:
    with np.errstate(over="ignore"):
        value = rows + np.uint64((seed * 0x9E3779B97F4A7C15 + 0x9E3779B97F4A7C15) % 2**64)
        value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return value ^ (value >> np.uint64(31))
