"""HATS: the catalogue by HEALPix pixels, for lsdb."""

import io
import logging
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

import pyarrow as pa

from catalog.errors import CatalogError
from catalog.output.counts import has_position
from evaluation.formats.tables.blocks import Layout
from evaluation.formats.tables.parquet import described_schema, write_parquet

FOLDER = "hats"
UNPLACED = "without_position.parquet"
"""Rows that HATS cannot hold, because it sorts rows by their position."""

_FINEST = 7  # 0.2 square degrees; no survey has a million galaxies there, and maps of order 10 take 100 MB
_PIXEL_ROWS, _PIXEL_BYTES = 1_000_000, 512 << 20
_READ_ROWS, _READ_BYTES = 200_000, 64 << 20  # held at once while rows are sorted into pixels


def write_hats(folder: Path, table: Path, layout: Layout, placed: int, name: str) -> None:
    """Write a HATS catalogue, and a table of the rows without a position if there are any.

    Parameters
    ----------
    folder : Path
        Gets `FOLDER` and `UNPLACED`.
    table : Path
        The whole table in one Parquet file.
    layout : Layout
        That of the table.
    placed : int
        Number of rows that have a position.
    name : str
        Name of the catalogue, by which lsdb calls its columns after a crossmatch.

    Raises
    ------
    CatalogError
        If no row has a position, or hats-import refuses the rows.

    Notes
    -----
    hats-import maps, splits and reduces in one thread of this process. It holds the rows of one pixel, a
    million or 512 MiB at most, and its temporary files take about as much disk as the table.
    """
    if not placed:
        raise CatalogError("no classified object has a position, which --format hats needs")
    if placed < layout.rows:
        rest = (part.filter(pa.array(~has_position(part))) for part in _batches(table, _read_rows(layout)))
        write_parquet(folder / UNPLACED, rest, layout)
    temporary = folder / ".hats"
    temporary.mkdir()
    _import(temporary, table, layout, placed, name)
    (temporary / _safe(name)).rename(folder / FOLDER)
    shutil.rmtree(temporary)


def _import(folder: Path, table: Path, layout: Layout, placed: int, name: str) -> None:
    from dask.distributed import Client
    from hats_import import pipeline_with_client
    from hats_import.catalog.arguments import ImportArguments
    from pyarrow import parquet

    # Units, descriptions and UCDs, but not the VOTable: hats-import adds a column that it does not have.
    schema = pa.schema(list(described_schema(layout)))
    parquet.write_metadata(schema, folder / "schema.parquet")
    arguments = ImportArguments(
        output_path=folder,
        output_artifact_name=_safe(name),
        input_file_list=[table],
        file_reader=_reader(_read_rows(layout)),
        ra_column="ra",
        dec_column="dec",
        use_schema_file=folder / "schema.parquet",
        expected_total_rows=placed,
        highest_healpix_order=_FINEST,
        pixel_threshold=max(1, min(_PIXEL_ROWS, _PIXEL_BYTES // layout.row_bytes)),
        tmp_dir=folder / "temporary",
        progress_bar=False,
        resume=False,
    )
    with (
        _quiet(),
        Client(
            processes=False,
            n_workers=1,
            threads_per_worker=1,
            dashboard_address="127.0.0.1:0",  # they always open a port
            worker_dashboard_address="127.0.0.1:0",
            local_directory=str(folder / "dask"),
        ) as client,
    ):
        try:
            pipeline_with_client(arguments, client)
        except ValueError as error:
            raise CatalogError(f"hats-import cannot make HATS: {' '.join(str(error).split())}") from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the messages of Dask's scheduler, and what hats-import prints, off the terminal."""
    loggers = [logging.getLogger(name) for name in logging.root.manager.loggerDict if _is_of_dask(name)]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with redirect_stdout(io.StringIO()):
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _is_of_dask(name: str) -> bool:
    return name.split(".")[0] in ("distributed", "dask", "hats", "hats_import")


def _read_rows(layout: Layout) -> int:
    return max(1, min(_READ_ROWS, _READ_BYTES // layout.row_bytes))


def _reader(rows: int) -> Any:
    from hats_import.catalog.file_readers import ParquetPyarrowReader

    class PlacedRows(ParquetPyarrowReader):
        """Reads the rows that have a position."""

        def read(self, input_file: Any, read_columns: Any = None) -> Iterator[pa.Table]:
            for part in super().read(input_file, read_columns):
                yield part.filter(pa.array(has_position(part)))

    return PlacedRows(chunksize=rows)


def _batches(table: Path, rows: int) -> Iterator[pa.Table]:
    from pyarrow import parquet

    with parquet.ParquetFile(table) as file:
        for batch in file.iter_batches(rows):
            yield pa.Table.from_batches([batch])


def _safe(name: str) -> str:
    """Return a name of characters that HATS allows."""
    return re.sub(r"[^A-Za-z0-9._-]+", "_", name).strip("._") or "catalogue"
