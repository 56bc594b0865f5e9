"""Read the bytes of a file safely, whatever kind of file it is."""

import bz2
import gzip
import io
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

from preprocessing.locations import Location, Remote
from preprocessing.storage import read_object, status_of
from preprocessing.storage_errors import ObjectUnavailable

MAX_FILE_BYTES = 2**28
"""Largest file that is read, after unpacking (256 MiB). Stamps have a few hundred kilobytes."""

_UNPACKERS: dict[bytes, Callable[[io.BytesIO], Any]] = {
    b"\x1f\x8b": lambda file: gzip.GzipFile(fileobj=file),
    b"BZh": bz2.BZ2File,
}


class StampError(Exception):
    """A stamp that cannot be used.

    Parameters
    ----------
    reason : str
        Reason code, as in ``rejects.csv`` (see ``docs/ingest.md``).
    path : str, Path or Remote
        The file.
    message : str
        One sentence.
    """

    def __init__(self, reason: str, path: str | Location, message: str) -> None:
        super().__init__(reason, str(path), message)
        self.reason, self.path, self.message = reason, str(path), message


def detail_of(error: Exception) -> str:
    """Return what astropy says of a file, in one line, without its advice to programmers."""
    detail = " ".join(str(error).split()) or type(error).__name__
    return detail.partition(" If this is really a FITS file, try with ")[0]


def read_bytes(path: Location) -> bytes:
    """Read a file, unpacked if it is gzip or bzip2 by content.

    Parameters
    ----------
    path : Path or Remote

    Returns
    -------
    bytes
        At most `MAX_FILE_BYTES`.

    Raises
    ------
    StampError
        ``missing_file``, ``not_a_file``, ``too_large`` or ``unreadable``. Pipes and devices are refused
        without reading, because reading could block.
    StorageError
        If an object store cannot be read.
    """
    if isinstance(path, Remote):
        try:
            return unpacked(read_remote(path), path)
        except FileNotFoundError:
            raise no_such_file(path) from None
    descriptor = opened_file(path)
    with open(descriptor, "rb", buffering=0) as file:
        size = os.fstat(descriptor).st_size
        if size > MAX_FILE_BYTES:
            raise StampError("too_large", path, f"{size:,} bytes, limit {MAX_FILE_BYTES:,}")
        try:
            content = file.read()
        except OSError as error:
            raise StampError("unreadable", path, f"cannot be read: {_cause(error)}") from None
    return unpacked(content, path)


def opened_file(path: Path) -> int:
    """Open a regular file for reading.

    Parameters
    ----------
    path : Path

    Returns
    -------
    int
        Its descriptor.

    Raises
    ------
    StampError
        ``missing_file``; or ``not_a_file``, for pipes and devices too.
    """
    try:
        # Without O_NONBLOCK, opening a named pipe blocks until another process writes to it.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise _absent(path) from None
    except (OSError, ValueError) as error:
        raise StampError("not_a_file", path, f"cannot be opened: {_cause(error)}") from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise StampError("not_a_file", path, "not a regular file")
    return descriptor


def read_remote(file: Remote) -> bytes:
    """Read an object as it is; FileNotFoundError if there is none, otherwise as `read_bytes`."""
    try:
        content = read_object(file, MAX_FILE_BYTES)
    except ObjectUnavailable as error:
        raise StampError("unreadable", file, f"cannot be read: {error}") from None
    if len(content) > MAX_FILE_BYTES:
        size = status_of(file).size
        raise StampError("too_large", file, f"{size:,} bytes, limit {MAX_FILE_BYTES:,}")
    return content


def no_such_file(path: Location) -> StampError:
    """Return the reject of an object whose stamp does not exist."""
    return StampError("missing_file", path, "no such file")


def unpacked(content: bytes, path: Location, most: int = MAX_FILE_BYTES) -> bytes:
    """Return the content of a file, unpacked if it is gzip or bzip2.

    Parameters
    ----------
    content : bytes
    path : Path or Remote
    most : int
        Largest size [bytes].

    Returns
    -------
    bytes

    Raises
    ------
    StampError
        ``too_large``, or ``unreadable`` if it is damaged.
    """
    for magic, unpacker in _UNPACKERS.items():
        if content.startswith(magic):
            return _unpacked(content, unpacker, path, most)
    return content


def _unpacked(content: bytes, unpacker: Callable[[io.BytesIO], Any], path: Location, most: int) -> bytes:
    try:
        with unpacker(io.BytesIO(content)) as file:
            inside: bytes = file.read(most + 1)  # limited: a small file may unpack to terabytes
    except Exception as error:  # damage raises zlib.error, EOFError, OSError, ValueError and others
        raise StampError("unreadable", path, f"cannot be unpacked: {_cause(error)}") from None
    if len(inside) > most:
        raise StampError("too_large", path, f"unpacks to more than {most:,} bytes")
    return inside


def _absent(path: Path) -> StampError:
    if os.path.islink(path):
        return StampError("not_a_file", path, f"a link to {os.readlink(path)!r}, which does not exist")
    return no_such_file(path)


def _cause(error: BaseException) -> str:
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return " ".join(text.split()) or type(error).__name__
