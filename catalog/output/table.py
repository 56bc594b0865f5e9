"""The table in the format that the user wants, in one file or in several."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from catalog.output.hats import write_hats
from evaluation.formats.tables.blocks import Layout, Parts, blocks
from evaluation.formats.tables.parquet import write_parquet
from evaluation.formats.tables.write import write_table

PARTITION_ROWS, PARTITION_BYTES = 1_000_000, 1 << 30
"""Largest number of rows, and size in memory, of a file of partitioned Parquet."""

NAMES = {
    "parquet": "catalogue",
    "hats": "hats",
    "fits": "catalogue.fits",
    "votable": "catalogue.vot",
    "csv": "catalogue.csv",
    "ecsv": "catalogue.ecsv",
}
"""Formats, and the name of the table, or of its folder, in each."""

TWIN = "catalogue.parquet"
"""The whole table in one file, beside a HATS catalogue."""


def write_in_format(folder: Path, kind: str, parts: Parts, layout: Layout, placed: int, name: str) -> None:
    """Write the table into an empty folder.

    Parameters
    ----------
    folder : Path
    kind : str
        One of `NAMES`.
    parts : callable
        Returns the rows from the first.
    layout : Layout
    placed : int
        Number of rows that have a position.
    name : str
        Name of the catalogue, for HATS.
    """
    if kind == "parquet":
        (folder / NAMES[kind]).mkdir()
        _write_partitions(folder / NAMES[kind], parts, layout)
    elif kind == "hats":
        write_table(folder / TWIN, "parquet", parts, layout)
        write_hats(folder, folder / TWIN, layout, placed, name)
    else:
        write_table(folder / NAMES[kind], kind, parts, layout)


def _write_partitions(folder: Path, parts: Parts, layout: Layout) -> None:
    rest = blocks(parts(), layout)
    number, block = 0, next(rest, None)
    most = max(1, min(PARTITION_ROWS, PARTITION_BYTES // layout.row_bytes))
    while block is not None or number == 0:

        def partition() -> Iterator[pa.Table]:
            nonlocal block
            room = most
            while block is not None and room:
                yield block.slice(0, room)
                taken = min(room, block.num_rows)
                room -= taken
                block = block.slice(taken) if taken < block.num_rows else next(rest, None)

        write_parquet(folder / f"part-{number:05d}.parquet", partition(), layout)
        number += 1
