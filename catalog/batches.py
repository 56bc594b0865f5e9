"""What the readers of stamps and of field images hand to the classifier."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray


@dataclass(frozen=True)
class Reject:
    """A row of the input that cannot be classified.

    Attributes
    ----------
    row : int
        Row number of the input, from 0.
    file : str
        The file that caused it; empty if none did.
    reason : str
        One of `preprocessing.rejects.REASONS`.
    message : str
        One sentence.
    """

    row: int
    file: str
    reason: str
    message: str


@dataclass(frozen=True)
class Batch:
    """Objects that are classified at once.

    Attributes
    ----------
    rows : numpy.ndarray, int64
        Row numbers of all objects of the batch, classified or not.
    rejects : sequence of Reject
    good : numpy.ndarray, int64, shape (n,)
        Row numbers of the objects that are classified.
    flux : numpy.ndarray, float32, shape (n, side, side, 3)
        Calibrated flux, red first.
    flags : numpy.ndarray, int32, shape (n,)
        Sums of `evaluation.formats.catalogue.Flag`.
    """

    rows: NDArray[np.int64]
    rejects: Sequence[Reject]
    good: NDArray[np.int64]
    flux: NDArray[np.float32]
    flags: NDArray[np.int32]


class Reader(Protocol):
    """Reads the objects of a chunk; can be pickled."""

    def __call__(self, objects: pa.Table, size: int) -> Iterator[Batch]:
        """Yield objects in batches of at most `size`.

        Parameters
        ----------
        objects : pyarrow.Table
            ``row`` (int64), ``name`` (string), ``ra`` and ``dec`` (float64 [deg], NaN if unknown), and what
            the reader itself put there when the input was planned.
        size : int

        Yields
        ------
        Batch
            Each row in exactly one batch, in the order of the table or in another.
        """
