"""Blocks of rows of a catalogue, with the columns and types that the catalogue defines."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from evaluation.formats.catalogue import COLUMNS, OPTIONAL, SURVEY_COLUMNS, Column

Parts = Callable[[], Iterator[pa.Table]]
"""Returns the rows of a catalogue from the first, in blocks of any size, which lack some columns."""

BLOCK_BYTES = 32 << 20
"""Size of a block that is written at once."""
BLOCK_ROWS = 100_000

_OPTIONAL = {OPTIONAL, *(column.name for column in SURVEY_COLUMNS)}


class TableError(ValueError):
    """Blocks of rows do not fit together or lack a column; the message is one line."""


@dataclass(frozen=True)
class Layout:
    """What a format may have to know before the first row.

    Attributes
    ----------
    columns : tuple of Column
    lengths : mapping of str to int
        Cells of each array column.
    rows : int
    widths : mapping of str to int
        Bytes in UTF-8 of the longest cell of each text column.
    notes : tuple of str
        Sentences about the table as a whole, for formats that have a place for them.
    """

    columns: tuple[Column, ...]
    lengths: dict[str, int]
    rows: int
    widths: dict[str, int]
    notes: tuple[str, ...] = ()

    @property
    def schema(self) -> pa.Schema:
        """Types of the blocks that are written."""
        return pa.schema([pa.field(c.name, arrow_type(c, self.lengths.get(c.name, 0))) for c in self.columns])

    @property
    def row_bytes(self) -> int:
        """Size of the largest row in memory [bytes]."""
        return sum(
            self.widths.get(column.name, 0) + 4
            if column.dtype == "str"
            else np.dtype(column.dtype).itemsize * self.lengths.get(column.name, 1)
            for column in self.columns
        )


@dataclass
class Measurer:
    """Finds the layout of a table in one pass over its rows.

    Attributes
    ----------
    rows : int
        Rows so far.
    """

    rows: int = 0
    _names: tuple[str, ...] | None = None
    _lengths: dict[str, int] = field(default_factory=dict)
    _widths: dict[str, int] = field(default_factory=dict)
    _known: set[str] = field(default_factory=set)

    def add(self, block: pa.Table) -> None:
        """Measure a block; raise `TableError` if its columns are not those of the blocks before."""
        columns = [column for column in (*COLUMNS, *SURVEY_COLUMNS) if column.name in block.column_names]
        names = tuple(column.name for column in columns)
        if self._names is None:
            self._names = names
        if missing := [c.name for c in COLUMNS if c.name not in names and c.name not in _OPTIONAL]:
            raise TableError(f"a block of rows lacks the column {missing[0]}")
        if names != self._names:
            raise TableError(f"a block has the columns {', '.join(names)}, others {', '.join(self._names)}")
        for column in columns:
            cells = block[column.name]
            if column.is_array:
                length = _length(column, cells)
                if self._lengths.setdefault(column.name, length) != length:
                    known = self._lengths[column.name]
                    raise TableError(f"{column.name} has {length} numbers in one block, {known} in another")
                self._known.add(column.name)
            elif column.dtype == "str":
                longest = pc.max(pc.binary_length(cells)).as_py() or 0
                self._widths[column.name] = max(self._widths.get(column.name, 0), longest)
            elif column.name not in self._known and _any_known(cells):
                self._known.add(column.name)
        self.rows += block.num_rows

    def layout(self, notes: Sequence[str] = ()) -> Layout:
        """Return the layout. Optional columns without a single value are left out."""
        names = self._names or tuple(c.name for c in COLUMNS if c.name not in _OPTIONAL)
        columns = tuple(
            column
            for column in (*COLUMNS, *SURVEY_COLUMNS)
            if column.name in names and (column.name not in _OPTIONAL or column.name in self._known)
        )
        return Layout(columns, dict(self._lengths), self.rows, dict(self._widths), tuple(notes))


def arrow_type(column: Column, length: int) -> pa.DataType:
    """Return the type of the cells of a column."""
    if column.dtype == "str":
        return pa.string()
    plain = pa.from_numpy_dtype(column.dtype)
    return pa.list_(plain, length) if column.is_array else plain


def blocks(parts: Iterable[pa.Table], layout: Layout) -> Iterator[pa.Table]:
    """Yield the rows in the types of a layout, in blocks of similar size.

    Parameters
    ----------
    parts : iterable of pyarrow.Table
    layout : Layout

    Yields
    ------
    pyarrow.Table
        `Layout.schema`. Unknown numbers are null, those of arrays NaN, unknown texts empty.
    """
    waiting: list[pa.Table] = []
    rows = size = 0
    for part in parts:
        if not part.num_rows:
            continue
        block = conform(part, layout)
        waiting.append(block)
        rows, size = rows + block.num_rows, size + block.nbytes
        if rows >= BLOCK_ROWS or size >= BLOCK_BYTES:
            yield pa.concat_tables(waiting).combine_chunks()
            waiting, rows, size = [], 0, 0
    if waiting:
        yield pa.concat_tables(waiting).combine_chunks()


def conform(part: pa.Table, layout: Layout) -> pa.Table:
    """Return the columns of a layout in its types."""
    schema = layout.schema
    cells = [
        _conform(part[column.name], column, kind.type)
        for column, kind in zip(layout.columns, schema, strict=True)
    ]
    return pa.Table.from_arrays(cells, schema=schema)


def _conform(cells: pa.ChunkedArray, column: Column, kind: pa.DataType) -> pa.ChunkedArray:
    if column.is_array:
        # A null in place of a list of fixed size cannot be read back by many readers of Parquet.
        return pa.chunked_array([_fixed(chunk, kind) for chunk in cells.chunks], kind)
    cells = cells.cast(kind)
    if column.dtype == "str":
        return cells.fill_null("")
    if pa.types.is_floating(kind):
        return pc.if_else(pc.is_nan(cells), pa.scalar(None, kind), cells)
    return cells


def _fixed(chunk: pa.Array, kind: pa.FixedSizeListType) -> pa.Array:
    length = kind.list_size
    plain = kind.value_type.to_pandas_dtype()
    values = np.full((len(chunk), length), np.nan, plain)
    known = chunk.is_valid().to_numpy(zero_copy_only=False)
    flat = chunk.flatten().to_numpy(zero_copy_only=False)
    values[known] = flat.astype(plain).reshape(-1, length)
    return pa.FixedSizeListArray.from_arrays(pa.array(values.reshape(-1), kind.value_type), length)


def _length(column: Column, cells: pa.ChunkedArray) -> int:
    kind = cells.type
    if not pa.types.is_fixed_size_list(kind):
        raise TableError(f"{column.name} is {kind}, not a list of fixed size")
    return int(kind.list_size)


def _any_known(cells: pa.ChunkedArray) -> bool:
    if pa.types.is_floating(cells.type):
        return bool(pc.any(pc.is_finite(cells)).as_py())
    return cells.null_count < len(cells)
