"""Parquet with the metadata of a VOTable, by the IVOA note VOParquet 1.0."""

from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa

from evaluation.formats.tables.blocks import Layout
from evaluation.formats.tables.votable import votable_text

VERSION, CONTENT = "IVOA.VOTable-Parquet.version", "IVOA.VOTable-Parquet.content"
"""Keys of the metadata of the file: version of the note, and a VOTable without rows."""


def write_parquet(path: Path, blocks: Iterable[pa.Table], layout: Layout) -> None:
    """Write one Parquet file; each block is a row group. Unknown numbers are null, in arrays NaN."""
    from pyarrow import parquet

    schema = described_schema(layout)
    with parquet.ParquetWriter(path, schema) as writer:
        for block in blocks:
            writer.write_table(block.replace_schema_metadata(schema.metadata).cast(schema))


def described_schema(layout: Layout) -> pa.Schema:
    """Return the schema with units, descriptions and UCDs as metadata of columns, and as VOTable.

    TOPCAT and astropy's ``parquet.votable`` read the VOTable. ``table::len::NAME`` tells astropy the longest
    text of a column.
    """
    fields = [
        kind.with_metadata(
            {"description": column.description, "ucd": column.ucd}
            | ({"unit": column.unit} if column.unit else {})
        )
        for column, kind in zip(layout.columns, layout.schema, strict=True)
    ]
    lengths = {
        f"table::len::{column.name}": str(max(layout.widths.get(column.name, 0), 1))
        for column in layout.columns
        if column.dtype == "str"
    }
    return pa.schema(fields, {VERSION: "1.0", CONTENT: votable_text(layout), **lengths})
