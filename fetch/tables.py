"""A table of labels: one that is known by name, or any by its address."""

import csv
import gzip
import zlib
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from fetch.download import check_address, check_sha256, download, sha256_of
from fetch.errors import ChecksumError, DownloadError, FetchError
from fetch.known_tables import TABLES
from fetch.manifest import folder_lock, now, replace_csv
from fetch.retry import Patience
from fetch.transfer import Progress

RECORD = "tables.csv"
MAX_TABLE_BYTES = 2**32

_HEADING = ("file", "address", "bytes", "sha256", "time")


@dataclass(frozen=True)
class FetchedTable:
    """A table that is there.

    Attributes
    ----------
    path : Path
    bytes : int
    sha256 : str
    fetched : bool
        Whether it came now; else it was there.
    proof : str
        What its SHA-256 was compared with; empty if with nothing.
    cite : str
    """

    path: Path
    bytes: int
    sha256: str
    fetched: bool
    proof: str
    cite: str


def fetch_table(
    table: str,
    folder: Path,
    *,
    sha256: str | None = None,
    patience: Patience | None = None,
    progress: Progress | None = None,
) -> FetchedTable:
    """Bring a table, unless it is there.

    Parameters
    ----------
    table : str
        A key of `TABLES`, or an address.
    folder : Path
        Gets the file, and a line in ``tables.csv``.
    sha256 : str, optional
        What the file must be. Without it, what is known of the table, or what the first download was.
    patience : Patience, optional
    progress : callable, optional

    Returns
    -------
    FetchedTable

    Raises
    ------
    FetchError
    """
    known = TABLES.get(table)
    if known is None and "://" not in table:
        raise FetchError(f"unknown table {table!r}; tables are {', '.join(TABLES)}, or give an address")
    check_sha256(sha256)
    url = known.url if known else table
    check_address(url)
    path = folder / _file_name(url)
    with folder_lock(folder):
        try:
            records = _read_records(folder)
            recorded = records.get(path.name, {}).get("sha256") or None
            expected, proof = next(
                (digest.lower(), source)
                for digest, source in (
                    (sha256, "--sha256"),
                    (known.sha256 if known else None, "its publication"),
                    (recorded, f"{folder / RECORD}"),
                    ("", ""),
                )
                if digest is not None
            )
            fetched = not path.exists()
            if fetched:
                size, digest = _bring(url, path, expected, proof, patience, progress)
            else:
                size, digest = _look(path, expected, proof)
            records[path.name] = {
                "file": path.name,
                "address": _without_secrets(url),
                "bytes": str(size),
                "sha256": digest,
                "time": now() if fetched else records.get(path.name, {}).get("time", now()),
            }
            rows = ([record.get(column, "") for column in _HEADING] for record in records.values())
            replace_csv(folder / RECORD, _HEADING, rows)
        except OSError as error:
            raise FetchError(f"{error.filename or path} cannot be written: {error.strerror}") from error
    return FetchedTable(path, size, digest, fetched, proof, known.cite if known else "")


def _bring(
    url: str, path: Path, expected: str, proof: str, patience: Patience | None, progress: Progress | None
) -> tuple[int, str]:
    try:
        came = download(
            url,
            path,
            max_bytes=MAX_TABLE_BYTES,
            sha256=expected or None,
            check=check_table,
            patience=patience,
            progress=progress,
        )
    except ChecksumError as error:
        raise FetchError(
            f"{path.name} is not what {proof} says: {error.message}; "
            "if you trust it, give its SHA-256 with --sha256"
        ) from error
    except DownloadError as error:
        raise FetchError(f"{path.name} did not come: {error.message}") from error
    return came.bytes, came.sha256


def _look(path: Path, expected: str, proof: str) -> tuple[int, str]:
    if not path.is_file():
        raise FetchError(f"{path} is there and is not a file")
    digest = sha256_of(path)
    if expected and digest != expected:
        raise FetchError(
            f"{path} is there, but is not what {proof} says: it has SHA-256 {digest}, not {expected}; "
            "move it away to fetch it again"
        )
    try:
        check_table(path)
    except DownloadError as error:
        raise FetchError(f"{path} is there, but {error.message}; move it away to fetch it again") from error
    return path.stat().st_size, digest


def check_table(path: Path) -> None:
    """Refuse a web page, and a compressed file that is damaged.

    Parameters
    ----------
    path : Path
        May be a part: what it is is seen by its content.

    Raises
    ------
    DownloadError
    """
    with open(path, "rb") as file:
        start = file.read(512)
        compressed = start.startswith(b"\x1f\x8b")
        try:
            if compressed:
                file.seek(0)
                with gzip.open(file) as unpacked:
                    start = unpacked.read(512)
                    while unpacked.read(2**20):  # to the end: the checksum stands there
                        pass
        except (OSError, EOFError, zlib.error) as error:
            raise DownloadError(f"it is damaged: {error}") from error
    if not start:
        raise DownloadError("it is empty")
    if start.lstrip().lower().startswith((b"<!doctype html", b"<html")):
        raise DownloadError("it is a web page, not a table")


def _file_name(url: str) -> str:
    name = unquote(urlsplit(url).path).rsplit("/", 1)[-1]
    if not name or name.startswith(".") or name == RECORD or any(ord(letter) < 32 for letter in name):
        raise FetchError(f"the address ends in no file name ({name!r})")
    return name


def _without_secrets(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _read_records(folder: Path) -> dict[str, dict[str, str]]:
    try:
        with open(folder / RECORD, encoding="utf-8", newline="") as file:
            return {row["file"]: dict(row) for row in csv.DictReader(file) if row.get("file")}
    except FileNotFoundError:
        return {}
