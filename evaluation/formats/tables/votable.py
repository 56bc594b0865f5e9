"""VOTable: TABLEDATA, so that every reader reads it, written block by block."""

import io
import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from evaluation.formats.tables.blocks import Layout
from evaluation.formats.tables.description import described_votable
from evaluation.formats.tables.text import float_texts

_ILLEGAL = r"[\x00-\x08\x0b\x0c\x0e-\x1f\x{fffe}\x{ffff}]"  # in XML 1.0, by RE2
_ESCAPES = (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("\r", "&#13;"))


def write_votable(path: Path, blocks: Iterable[pa.Table], layout: Layout) -> None:
    """Write a VOTable.

    Parameters
    ----------
    path : Path
    blocks : iterable of pyarrow.Table
    layout : Layout

    Notes
    -----
    Unknown numbers are empty cells, in arrays ``NaN``. Characters that XML cannot hold become U+FFFD.
    """
    head, tail = _around_rows(layout)
    with open(path, "w", newline="\n", encoding="utf-8") as file:
        file.write(head)
        for block in blocks:
            cells = [_texts(column) for column in block.columns]
            for row in zip(*cells, strict=True):
                file.write("<TR><TD>" + "</TD><TD>".join(row) + "</TD></TR>\n")
        file.write(tail)


def votable_text(layout: Layout) -> str:
    """Return the XML of the table without rows, which has no element DATA."""
    stream = io.BytesIO()
    described_votable(layout).to_xml(stream)
    # astropy wraps descriptions, and returns the line ends and blanks when it reads them.
    return re.sub(
        r"(?<=<DESCRIPTION>).*?(?=</DESCRIPTION>)",
        lambda found: " ".join(found.group().split()),
        stream.getvalue().decode(),
        flags=re.DOTALL,
    )


def _around_rows(layout: Layout) -> tuple[str, str]:
    head, end, tail = votable_text(layout).rpartition("</TABLE>")
    head = re.sub(r"<TABLE\b", f'<TABLE nrows="{layout.rows}"', head, count=1)
    return f"{head.rstrip()}\n<DATA>\n<TABLEDATA>\n", f"</TABLEDATA>\n</DATA>\n{end}{tail}"


def _texts(cells: pa.ChunkedArray) -> list[str]:
    if pa.types.is_fixed_size_list(cells.type):
        texts = pc.cast(cells.combine_chunks().flatten(), pa.string()).fill_null("NaN")
        rows = np.array(texts.to_pylist(), object).reshape(len(cells), -1)
        return [" ".join(row).replace("nan", "NaN") for row in rows]
    if pa.types.is_floating(cells.type):
        return float_texts(cells)
    texts = pc.cast(cells, pa.string()).fill_null("")
    if pa.types.is_string(cells.type):
        texts = pc.replace_substring_regex(texts, _ILLEGAL, "\ufffd")
        for character, escape in _ESCAPES:
            texts = pc.replace_substring(texts, character, escape)
    return texts.to_pylist()
