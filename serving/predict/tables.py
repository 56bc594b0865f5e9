"""Write the catalogue in the format that the name of its file asks for."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa

from evaluation.formats.catalogue import catalogue_columns
from evaluation.formats.tables import write as evaluation_tables
from evaluation.formats.tables.blocks import Measurer, arrow_type
from serving.predict.errors import PredictError

Row = tuple[Any, ...]
"""Values in the order of `evaluation.formats.catalogue.COLUMNS`; None or NaN where unknown."""

_BLOCK = 10_000  # rows that are converted at once


def table_format(path: Path) -> str:
    """Return the format of a table by its name.

    Raises
    ------
    PredictError
        If the name ends in none of the known extensions.
    """
    name = path.name.lower()
    for extension, kind in _EXTENSIONS.items():
        if name.endswith(extension) and name != extension:
            return kind
    raise PredictError(f"--out {path}: the name must end in one of {', '.join(_EXTENSIONS)}")


def stem_of(path: Path) -> str:
    """Return the name of a table without its extension."""
    extension = next(known for known in _EXTENSIONS if path.name.lower().endswith(known))
    return path.name[: -len(extension)]


def write_table(
    path: Path, kind: str, rows: Callable[[], Iterable[Row]], *, with_distance: bool, notes: Sequence[str]
) -> None:
    """Write the catalogue.

    Parameters
    ----------
    path : Path
    kind : str
        As `table_format` returns it.
    rows : callable
        Returns the rows from the first.
    with_distance : bool
        Whether there is the column ``novelty_distance``.
    notes : sequence of str
        Sentences about the table as a whole, for formats that have a place for them.
    """
    columns = catalogue_columns(with_distance)

    def parts() -> Iterator[pa.Table]:
        rest = iter(rows())
        while block := list(islice(rest, _BLOCK)):
            cells = list(zip(*block, strict=True))
            yield pa.table(
                {
                    column.name: pa.array(cells[place], arrow_type(column, 0))
                    for place, column in enumerate(columns)
                }
            )

    measurer = Measurer()
    for part in parts():
        measurer.add(part)
    layout = measurer.layout(notes)
    evaluation_tables.write_table(path, kind, parts, replace(layout, columns=columns))


_EXTENSIONS = {
    ".csv": "csv",
    ".ecsv": "ecsv",
    ".fits": "fits",
    ".fit": "fits",
    ".vot": "votable",
    ".votable": "votable",
    ".xml": "votable",
    ".parquet": "parquet",
}
