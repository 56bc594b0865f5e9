"""The table of rejects."""

import csv
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa

COLUMNS = ("name", "file", "reason", "message", "row")
"""``row`` is the row of the input, from 1."""


def write_rejects(path: Path, blocks: Iterator[pa.Table], watch: Callable[[pa.Table], None]) -> None:
    """Write ``rejects.csv``.

    Parameters
    ----------
    path : Path
    blocks : iterator of pyarrow.Table
        ``row`` (int64, from 0), ``name``, ``file``, ``reason``, ``message``.
    watch : callable
        Called with each block.
    """
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for block in blocks:
            watch(block)
            texts = [[text or "" for text in block[name].to_pylist()] for name in COLUMNS[:-1]]
            numbers = [row + 1 for row in block["row"].to_pylist()]
            writer.writerows(zip(*texts, numbers, strict=True))
