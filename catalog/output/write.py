"""Writes all files of a finished catalogue, so that none looks whole before it is."""

import os
import shutil
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from catalog.errors import CatalogError
from catalog.output.about import About
from catalog.output.counts import Counts, Rows, Summary
from catalog.output.documents import citation, lineage, readme
from catalog.output.manifest import list_files, manifest, sums
from catalog.output.rejects import write_rejects
from catalog.output.table import NAMES, TWIN, write_in_format
from catalog.samp import EXTENSIONS
from evaluation.formats.json_text import json_text
from evaluation.formats.tables.blocks import Layout, Measurer, Parts, TableError

SUCCESS = "_SUCCESS"
"""Empty file that is written last: without it the folder is not complete."""

STAGING = ".writing"

_OWN = {
    *NAMES.values(), TWIN, "without_position.parquet", "rejects.csv", "summary.json", "index.html",
    "README.md", "model_card.md", "CITATION.cff", "lineage.json", "manifest.json", "SHA256SUMS",
    *(f"samp{extension}" for extension in EXTENSIONS.values()),  # of the earlier table
}  # fmt: skip


def write_catalogue(
    out: Path,
    kind: str,
    parts: Parts,
    about: About,
    *,
    rejects: Parts,
    rows: int | None = None,
    watch: Callable[[pa.Table], None] | None = None,
    page: Callable[[Summary], str] | None = None,
) -> Summary:
    """Write table, rejects, summary, page and documents of a catalogue.

    Parameters
    ----------
    out : Path
        Folder. Files of an earlier catalogue in it are replaced, others are left alone.
    kind : str
        One of `catalog.output.table.NAMES`.
    parts : callable
        Returns an iterator of tables of the classified rows in their final order; it is called twice. They
        have ``row`` (int64, row of the input, from 0) and the columns of the catalogue, optional ones
        included; other columns are ignored. The column ``row`` of the catalogue counts from 1.
    about : About
    rejects : callable
        Returns an iterator of tables of the other rows: ``row`` (from 0), ``name``, ``file``, ``reason``,
        ``message``.
    rows : int, optional
        Rows of the input. If it is given, each must be in ``parts`` or in ``rejects``, exactly once.
    watch : callable, optional
        Called with each table of ``parts`` before anything is written, for statistics.
    page : callable, optional
        Returns the HTML of ``index.html``; called after the last call of `watch`.

    Returns
    -------
    Summary

    Raises
    ------
    CatalogError
        If rows are missing or there twice, blocks do not fit together, no row of a HATS catalogue has a
        position, or a file cannot be written. Nothing that looks whole is left then.

    Notes
    -----
    The rows are read twice: for counts, `watch` and what a format must know at its beginning (number of
    rows, longest texts), and for writing. Memory holds one block of rows (`BLOCK_ROWS`, `BLOCK_BYTES`), one
    byte for each row of the input, and for HATS the rows of a pixel.

    Everything is written to a hidden folder in ``out``, flushed, and renamed at the end; `SUCCESS` is last.
    Until then an earlier catalogue stays as it is, so the disk must have room for both.
    """
    if kind not in NAMES:
        raise CatalogError(f"--format {kind} is not one of {', '.join(NAMES)}")
    staging = out / STAGING
    try:
        shutil.rmtree(staging, ignore_errors=True)
        staging.mkdir(parents=True)
        summary = _write(out, staging, kind, parts, about, rejects, rows, watch, page)
        _publish(out, staging)
    except TableError as error:
        raise CatalogError(f"{out} cannot be written: {error}") from error
    except OSError as error:
        raise _unwritten(out, error) from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return summary


def is_complete(out: Path) -> bool:
    """Return whether a folder holds a complete catalogue.

    Hadoop and Spark write a file of that name, too, so the lineage must be there.
    """
    return (out / SUCCESS).is_file() and (out / "lineage.json").is_file()


def _write(
    out: Path,
    staging: Path,
    kind: str,
    parts: Parts,
    about: About,
    rejects: Parts,
    rows: int | None,
    watch: Callable[[pa.Table], None] | None,
    page: Callable[[Summary], str] | None,
) -> Summary:
    counts, layout = _account(staging, parts, rejects, rows, watch, about)
    title = about.title or out.absolute().name
    write_in_format(staging, kind, lambda: map(_from_one, parts()), layout, counts.placed, title)
    summary = Summary.of(
        counts,
        about.seconds,
        {"path": about.model.path, "version": about.model.version, "fingerprint": about.model.fingerprint},
        NAMES[kind],
    )
    _text(staging / "summary.json", json_text(asdict(summary)))
    if page is not None:
        _text(staging / "index.html", page(summary))
    if about.model.card:
        _text(staging / "model_card.md", about.model.card)
    _text(staging / "README.md", readme(title, kind, about, summary, layout, has_page=page is not None))
    _text(staging / "CITATION.cff", citation(title, about, summary))
    files = list_files(staging)
    _text(staging / "lineage.json", json_text(lineage(title, kind, about, summary, layout, files)))
    files = list_files(staging, files)
    _text(staging / "manifest.json", json_text(manifest(summary, files)))
    _text(staging / "SHA256SUMS", sums(list_files(staging, files)))
    return summary


def _account(
    staging: Path,
    parts: Parts,
    rejects: Parts,
    rows: int | None,
    watch: Callable[[pa.Table], None] | None,
    about: About,
) -> tuple[Counts, Layout]:
    """Write the rejects, and return counts and layout of the classified rows."""
    counts, measurer = Counts(), Measurer()
    seen = None if rows is None else Rows(rows)

    def mark(block: pa.Table) -> None:
        if seen is not None:
            seen.mark(block["row"].to_numpy().astype(np.int64))

    def rejected(block: pa.Table) -> None:
        mark(block)
        counts.add_rejects(block)

    for part in parts():
        mark(part)
        measurer.add(part)
        counts.add(part)
        if watch is not None:
            watch(part)
    write_rejects(staging / "rejects.csv", rejects(), rejected)
    if seen is not None:
        seen.check()
    notes = (
        f"Classified by galmorph {about.galmorph}",
        f"model version {about.model.version}, SHA-256 {about.model.fingerprint}",
        f"{counts.classified:,} of {counts.classified + counts.rejects:,} rows of the input",
    )
    return counts, measurer.layout(notes)


def _unwritten(path: Path, error: OSError) -> CatalogError:
    # Arrow puts a sentence of its own around the cause.
    cause = os.strerror(error.errno) if error.errno else " ".join(str(error).split())
    return CatalogError(f"{error.filename or path} cannot be written: {cause}")


def _from_one(part: pa.Table) -> pa.Table:
    place = part.column_names.index("row")
    return part.set_column(place, "row", pc.add(part["row"].cast(pa.int64()), 1))


def _text(path: Path, content: str) -> None:
    # Arguments of the command, which it repeats, may be no UTF-8.
    path.write_text(content, encoding="utf-8", errors="backslashreplace")


def _publish(out: Path, staging: Path) -> None:
    """Put the new files in the place of those of an earlier catalogue; the mark of completeness is last."""
    for path in staging.rglob("*"):
        if path.is_file():
            with open(path, "rb") as stream:
                os.fsync(stream.fileno())
    (out / SUCCESS).unlink(missing_ok=True)
    for name in sorted(_OWN):
        path = out / name
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    for path in sorted(staging.iterdir()):
        path.rename(out / path.name)
    (out / SUCCESS).touch()
