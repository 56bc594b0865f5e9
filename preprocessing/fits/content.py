"""The bytes of a FITS file, in memory or on disk; both are read by the same functions.

A large file is read by `os.pread`, not by a memory map: if a mapped file is cut short, or its network mount
fails, the process is killed (SIGBUS), while a read raises an exception that costs the objects concerned.
"""

import os
import stat
from pathlib import Path

from preprocessing.fits.files import StampError, opened_file, unpacked
from preprocessing.fits.header import Content

MAX_UNPACKED_BYTES = 2**31
"""Largest content of a gzip or bzip2 file, which is unpacked in memory (2 GiB)."""
_SEARCHED = 2**24  # bytes in which the end of a header is looked for
_BLOCK = 2**16
_MAGIC = (b"\x1f\x8b", b"BZh")


class FileContent:
    """The bytes of an open file; a part is read when it is asked for.

    Parameters
    ----------
    descriptor : int
        Of a regular file. It is closed by `close`.
    size : int
        [bytes].

    Raises
    ------
    OSError
        By every method, if the file cannot be read, or has become shorter.
    """

    def __init__(self, descriptor: int, size: int) -> None:
        self._descriptor, self._size = descriptor, size

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, part: slice) -> bytes:
        start, stop, _ = part.indices(self._size)
        parts: list[bytes] = []
        while start < stop:
            read = os.pread(self._descriptor, stop - start, start)  # at most 2 GiB at once
            if not read:
                raise OSError("the file has become shorter while it was read")
            parts.append(read)
            start += len(read)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def startswith(self, prefix: bytes, start: int = 0) -> bool:
        """Return whether the bytes from `start` begin with `prefix`."""
        return self[start : start + len(prefix)] == prefix

    def find(self, part: bytes, start: int = 0) -> int:
        """Return the first place of `part` from `start`; -1 if it is not within the next 16 MiB."""
        for place in range(start, min(self._size, start + _SEARCHED), _BLOCK):
            found = self[place : place + _BLOCK + len(part) - 1].find(part)
            if found >= 0:
                return place + found
        return -1

    def close(self) -> None:
        """Close the file."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __del__(self) -> None:
        self.close()


def opened_content(path: Path) -> Content:
    """Open a file.

    Parameters
    ----------
    path : Path

    Returns
    -------
    FileContent or bytes
        The bytes of a gzip or bzip2 file, unpacked in memory.

    Raises
    ------
    StampError
        ``missing_file``, ``not_a_file``, ``too_large`` or ``unreadable``.
    """
    descriptor = opened_file(path)
    file = FileContent(descriptor, os.fstat(descriptor).st_size)
    try:
        if not any(file.startswith(magic) for magic in _MAGIC):
            return file
        if len(file) > MAX_UNPACKED_BYTES:
            raise StampError("too_large", path, f"{len(file):,} bytes, limit {MAX_UNPACKED_BYTES:,}")
        packed = file[:]
    except OSError as error:
        raise StampError("unreadable", path, f"cannot be read: {error.strerror or error}") from None
    file.close()
    return unpacked(packed, path, MAX_UNPACKED_BYTES)


def status_of_file(path: Path) -> tuple[int, int] | None:
    """Return size [bytes] and time of the last change [ns] of a file; None if there is no such file."""
    try:
        status = path.stat()
    except (OSError, ValueError):
        return None
    return (status.st_size, status.st_mtime_ns) if stat.S_ISREG(status.st_mode) else None
