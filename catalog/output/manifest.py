"""Lists of the files of a catalogue, with sizes, digests and numbers of rows."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from catalog.output.counts import Summary


@dataclass(frozen=True)
class File:
    """A file of the catalogue.

    Attributes
    ----------
    path : str
        Below the folder of the catalogue, with ``/``.
    size : int
        [bytes]
    sha256 : str
    rows : int or None
        Of a Parquet file.
    """

    path: str
    size: int
    sha256: str
    rows: int | None


def list_files(folder: Path, known: Sequence[File] = ()) -> list[File]:
    """Return all files below a folder, sorted; those that are known already are not read again."""
    found = {file.path: file for file in known}
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and name not in found:
            with open(path, "rb") as stream:
                digest = hashlib.file_digest(stream, "sha256").hexdigest()
            found[name] = File(name, path.stat().st_size, digest, _rows(path))
    return [found[name] for name in sorted(found)]


def manifest(summary: Summary, files: Sequence[File]) -> dict[str, Any]:
    """Return the content of ``manifest.json``."""
    return {
        "rows": summary.classified,
        "files": [
            {"path": file.path, "bytes": file.size, "sha256": file.sha256}
            | ({"rows": file.rows} if file.rows is not None else {})
            for file in files
        ],
    }


def sums(files: Sequence[File]) -> str:
    """Return the content of ``SHA256SUMS``, which ``sha256sum -c`` checks."""
    return "".join(f"{file.sha256}  {file.path}\n" for file in files)


def _rows(path: Path) -> int | None:
    from pyarrow import parquet

    # HATS has a file of metadata only, whose rows are those of all others.
    if path.suffix != ".parquet" or path.name.startswith("_"):
        return None
    return int(parquet.read_metadata(path).num_rows)
