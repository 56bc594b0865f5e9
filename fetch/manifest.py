"""The manifest of downloaded and failed stamps. The file is valid at any time."""

import contextlib
import csv
import fcntl
import io
import os
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from fetch.errors import FetchError
from preprocessing.whole_files import replacing

FETCHED, PRESENT, FAILED = "fetched", "present", "failed"


class Entry(NamedTuple):
    """The result for one stamp: a line of ``manifest.csv``.

    Attributes
    ----------
    name, band : str
    file : str
        Path relative to the folder of the manifest.
    status : str
        ``fetched``, ``present`` (it existed before) or ``failed``.
    bytes : int
    sha256 : str
        SHA-256 of the file; empty if there is none.
    message : str
        Why it failed, or a warning.
    attempts : int
        Number of requests.
    time : str
        Time of the entry, UTC.
    """

    name: str
    band: str
    file: str
    status: str
    bytes: int = 0
    sha256: str = ""
    message: str = ""
    attempts: int = 0
    time: str = ""


def now() -> str:
    """Return the time, UTC, in the format of the manifest."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def read_manifest(path: Path) -> dict[tuple[str, str], Entry]:
    """Read a manifest.

    Parameters
    ----------
    path : Path

    Returns
    -------
    dict
        The last entry for each name and band. Invalid lines are ignored.
    """
    entries: dict[tuple[str, str], Entry] = {}
    try:
        with open(path, encoding="utf-8", newline="") as file:
            rows = csv.reader(file)
            if tuple(next(rows, ())) == Entry._fields:
                for row in rows:
                    with contextlib.suppress(ValueError):  # a line may be cut short by a crash
                        name, band, stamp, status, size, digest, message, attempts, time = row
                        counts = int(size), int(attempts)
                        entry = Entry(name, band, stamp, status, counts[0], digest, message, counts[1], time)
                        entries[entry.name, entry.band] = entry
    except FileNotFoundError:
        pass
    return entries


def rewrite_manifest(path: Path, entries: Iterable[Entry]) -> None:
    """Replace a manifest atomically."""
    replace_csv(path, Entry._fields, entries)


def append_entry(path: Path, entry: Entry) -> None:
    """Append a line in one write, so that it is complete or absent if the process is killed."""
    line = _lines([entry]).encode("utf-8", "replace")
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND)
    try:
        os.write(descriptor, line)
    finally:
        os.close(descriptor)


def replace_csv(path: Path, heading: Iterable[str], rows: Iterable[Iterable[object]]) -> None:
    """Write a CSV file atomically.

    Parameters
    ----------
    path : Path
    heading : iterable of str
    rows : iterable
    """
    with replacing(path) as part, open(part, "w", encoding="utf-8", errors="replace", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(heading)
        writer.writerows(rows)
        file.flush()
        os.fsync(file.fileno())


@contextlib.contextmanager
def folder_lock(folder: Path) -> Iterator[None]:
    """Lock a folder, so that no other fetch writes to it.

    Parameters
    ----------
    folder : Path
        Is created if it does not exist.

    Raises
    ------
    FetchError
        If the folder cannot be created, or another fetch has locked it.
    """
    path = folder / ".fetch.lock"
    lock = _locked(path)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(lock)


def _locked(path: Path) -> int:
    """Return the descriptor of a locked file."""
    while True:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            lock = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o666)
        except OSError as error:
            raise FetchError(f"{path.parent} cannot be written: {error.strerror}") from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(lock)
            raise FetchError(f"another galmorph fetch is writing in {path.parent}") from None
        try:
            if os.path.samestat(os.fstat(lock), path.stat()):
                return lock
        except FileNotFoundError:
            pass
        os.close(lock)  # another fetch removed this file after it was opened here and before it was locked


def _lines(rows: Iterable[Iterable[object]]) -> str:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()
