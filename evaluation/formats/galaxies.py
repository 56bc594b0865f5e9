"""``galaxies.csv``: further properties of every galaxy, in the order of ``predictions.csv``."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from evaluation.formats.columns import FormatError, header_of, numbers_of, read_batches
from preprocessing.features import HEIGHT, MAGNITUDE

GALAXIES = "galaxies.csv"

STATISTICS = ("noise", "blank")
"""Statistics of each band that the report uses."""


@dataclass(frozen=True)
class Galaxies:
    """Further properties of N galaxies; NaN if not known.

    Attributes
    ----------
    magnitude, height : ndarray, float32, shape (N,)
        [mag]; side of the stamp before the cut [pixels].
    statistics : mapping of str to mapping of str to ndarray, float32, shape (N,)
        By statistic and band: ``noise`` [flux units], ``blank`` [fraction of the pixels].
    """

    magnitude: np.ndarray
    height: np.ndarray
    statistics: Mapping[str, Mapping[str, np.ndarray]]


def read_galaxies(path: Path, names: pa.ChunkedArray) -> Galaxies:
    """Read ``galaxies.csv``.

    Parameters
    ----------
    path : Path
    names : pyarrow.ChunkedArray of str
        Names in ``predictions.csv``, which has the same galaxies in the same order.

    Returns
    -------
    Galaxies

    Raises
    ------
    FormatError
        If it cannot be read, lacks a column, or has other galaxies.
    """
    header = header_of(path)
    bands = {
        statistic: [name.removeprefix(f"{statistic}_") for name in header if name.startswith(f"{statistic}_")]
        for statistic in STATISTICS
    }
    measured = [f"{statistic}_{band}" for statistic in STATISTICS for band in bands[statistic]]
    columns = [MAGNITUDE, HEIGHT, *measured]
    types = {"name": pa.string(), **dict.fromkeys(columns, pa.float32())}
    found: list[pa.Array] = []
    parts: dict[str, list[np.ndarray]] = {column: [np.empty(0, np.float32)] for column in columns}
    for batch in read_batches(path, types):
        found.append(batch.column("name"))
        for column in columns:
            parts[column].append(numbers_of(batch.column(column), np.float32))
    if not pa.chunked_array(found, pa.string()).equals(names):
        raise FormatError(f"{path} does not hold the galaxies of predictions.csv in their order")
    arrays = {column: np.concatenate(part) for column, part in parts.items()}
    return Galaxies(
        arrays[MAGNITUDE],
        arrays[HEIGHT],
        {name: {band: arrays[f"{name}_{band}"] for band in bands[name]} for name in STATISTICS},
    )
