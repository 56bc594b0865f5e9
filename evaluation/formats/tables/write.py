"""Writes a catalogue in one of the formats."""

from collections.abc import Callable, Iterable
from pathlib import Path

import pyarrow as pa

from evaluation.formats.tables.binary import write_fits
from evaluation.formats.tables.blocks import Layout, Parts, blocks
from evaluation.formats.tables.parquet import write_parquet
from evaluation.formats.tables.text import write_csv, write_ecsv
from evaluation.formats.tables.votable import write_votable

WRITERS: dict[str, Callable[[Path, Iterable[pa.Table], Layout], None]] = {
    "csv": write_csv,
    "ecsv": write_ecsv,
    "fits": write_fits,
    "votable": write_votable,
    "parquet": write_parquet,
}
"""Writer of one file in each format. None holds more than a block of rows."""


def write_table(path: Path, kind: str, parts: Parts, layout: Layout) -> None:
    """Write a catalogue to one file.

    Parameters
    ----------
    path : Path
    kind : str
        One of `WRITERS`.
    parts : callable
        Returns the rows from the first.
    layout : Layout
        That of these rows, see `Measurer`.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    WRITERS[kind](path, blocks(parts(), layout), layout)
