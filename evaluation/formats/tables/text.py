"""CSV and ECSV."""

import csv
import io
import json
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TextIO

import pyarrow as pa
import pyarrow.compute as pc

from evaluation.formats.tables.blocks import Layout
from evaluation.formats.tables.description import described_table


def write_csv(path: Path, blocks: Iterable[pa.Table], layout: Layout) -> None:
    """Write CSV in UTF-8: one line of names, empty cells for what is unknown, arrays as JSON."""
    with open(path, "w", newline="", encoding="utf-8") as file:
        write_rows(file, [(column.name,) for column in layout.columns])
        for block in blocks:
            write_rows(file, _columns(block))


def write_ecsv(path: Path, blocks: Iterable[pa.Table], layout: Layout) -> None:
    """Write ECSV 1.0, a CSV with units, descriptions and UCDs in its heading."""
    head = io.StringIO()
    described_table(layout, with_notes=True).write(head, format="ascii.ecsv", delimiter=",")
    with open(path, "w", newline="", encoding="utf-8") as file:
        file.write(head.getvalue())
        for block in blocks:
            write_rows(file, _columns(block))


def write_rows(file: TextIO, columns: Sequence[Sequence[str]]) -> None:
    """Write rows of CSV, given by column."""
    # Python's writer does not quote a carriage return, which readers take for the end of a line.
    returns = any("\r" in text for texts in columns for text in texts)
    plain, quoted = (
        csv.writer(file, lineterminator="\n", quoting=q) for q in (csv.QUOTE_MINIMAL, csv.QUOTE_ALL)
    )
    (quoted if returns else plain).writerows(zip(*columns, strict=True))


def _columns(block: pa.Table) -> list[list[str]]:
    """Return the columns as texts: numbers with as many digits as tell them apart, empty if unknown."""
    return [_texts(cells) for cells in block.columns]


def _texts(cells: pa.ChunkedArray) -> list[str]:
    if pa.types.is_fixed_size_list(cells.type):
        # Arrow's digits of a float32, not those of the float64 that holds it.
        numbers = pc.cast(cells.combine_chunks().flatten(), pa.string()).to_pylist()
        length = cells.type.list_size
        values = [None if text == "nan" else _number(text) for text in numbers]
        return [
            json.dumps(values[start : start + length], separators=(",", ":"))
            for start in range(0, len(values), length)
        ]
    if pa.types.is_floating(cells.type):
        return float_texts(cells)
    return pc.cast(cells, pa.string()).fill_null("").to_pylist()


def float_texts(cells: pa.ChunkedArray) -> list[str]:
    """Return floats as texts, empty for null."""
    texts = pc.cast(cells, pa.string())
    # Arrow writes 1.0 as 1, and a column of such numbers would be read as whole numbers.
    texts = pc.replace_substring_regex(texts, pattern=r"^(-?\d+)$", replacement=r"\1.0")
    return texts.fill_null("").to_pylist()


def _number(text: str) -> float | None:
    number = float(text)
    return number if math.isfinite(number) else None
