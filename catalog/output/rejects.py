"""The table of rejects."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa

from evaluation.formats.tables.text import write_rows

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
        write_rows(file, [(name,) for name in COLUMNS])
        for block in blocks:
            watch(block)
            texts = [[text or "" for text in block[name].to_pylist()] for name in COLUMNS[:-1]]
            write_rows(file, [*texts, [str(row + 1) for row in block["row"].to_pylist()]])
