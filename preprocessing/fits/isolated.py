"""Run astropy in a child process, for files that might crash it, stall it or exhaust the memory.

Files that the fast reader does not read are unusual, often because they are damaged, and compiled decoders do
not survive every damage: a broken HCOMPRESS tile makes the C library abort, a small gzip tile may unpack to
gigabytes. The process has a memory limit, and each file a time limit. If the process ends, the file is a
reject and the next file gets a new process.
"""

import os
import pickle
import resource
import select
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from preprocessing.fits.files import StampError, detail_of
from preprocessing.fits.header import Header
from preprocessing.locations import Location, location
from preprocessing.safe_python import module_command, safe_environment

SECONDS = 30.0
"""Time for one file, the start of the process included."""
MEMORY_BYTES = 4 * 2**30
"""Address space of the process."""

if TYPE_CHECKING:
    from preprocessing.fits.sections import ImageEntry, OpenFiles

_LENGTH = struct.Struct(">Q")
_TILES = b"ZIMAGE"
"""In the header of a tile-compressed image."""


class AstropyEnded(Exception):
    """The child process ended without an answer. The message says why."""


class AstropyCrashed(AstropyEnded):
    """The child process ended by itself, perhaps because an earlier file has damaged its memory."""


class IsolatedReader:
    """Reads images and coordinate systems with astropy in a child process; safe to use from threads."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._owner = 0
        self._lock = threading.Lock()

    def read(self, content: bytes, planes: int, path: str | Location) -> tuple[np.ndarray, Header]:
        """Do what `preprocessing.fits.image.read_with_astropy` does.

        Parameters
        ----------
        content : bytes
            The whole file.
        planes : int
        path : str, Path or Remote
            For messages.

        Returns
        -------
        image : numpy.ndarray, float32
        header : Header

        Raises
        ------
        StampError
            ``unreadable`` also if the process ended, stalled or ran out of memory.
        """
        try:
            image, cards, behind, problem = self._answer("image", content, planes, str(path))
        except AstropyEnded as error:
            raise StampError("unreadable", path, f"not readable as FITS: astropy {error}") from None
        if problem is not None:
            if problem[0] == "unreadable" and _TILES in content:
                # The decoder may have written beyond its memory before it gave up.
                self._end()
            raise StampError(*problem)
        return image, Header(cards, Header(behind) if behind is not None else None)

    def images(self, path: Path) -> "list[ImageEntry]":
        """Return the images of a file; raise ValueError if astropy cannot read it, or `AstropyEnded`."""
        return self._of_file("images", str(path))

    def rows(self, path: Path, number: int, first: int, end: int) -> np.ndarray:
        """Return rows of an image; raise ValueError if astropy cannot read them, or `AstropyEnded`.

        Parameters
        ----------
        path : Path
        number : int
            Of the HDU.
        first, end : int
            First row, from 0, and the one after the last.

        Returns
        -------
        numpy.ndarray, float32, shape (end - first, W)
        """
        rows: np.ndarray = self._of_file("rows", str(path), number, first, end)
        return rows

    def _of_file(self, *question: Any) -> Any:
        found, problem = self._answer(*question)
        if problem:
            # The decoder may have written beyond its memory before it gave up.
            self._end()
            raise ValueError(problem)
        return found

    def pixel_of(self, cards: bytes, ra: float, dec: float) -> tuple[float, float] | None:
        """Do what `preprocessing.fits.world.pixel_by_astropy` does.

        Parameters
        ----------
        cards : bytes
            Cards of the header.
        ra, dec : float
            ICRS [deg].

        Returns
        -------
        (float, float) or None

        Raises
        ------
        AstropyEnded
            If the process ended, stalled or ran out of memory.
        """
        pixel: tuple[float, float] | None = self._answer("pixel", cards, ra, dec)
        return pixel

    def compared(self, cards: bytes, other: bytes, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, ...]:
        """Do what `preprocessing.fits.world.compared_by_astropy` does.

        Raises
        ------
        ValueError
            If astropy cannot read a system.
        AstropyEnded
            If the process ended, stalled or ran out of memory.
        """
        found, problem = self._answer("compared", cards, other, x, y)
        if problem:
            raise ValueError(problem)
        arrays: tuple[np.ndarray, ...] = found
        return arrays

    def _answer(self, *question: Any) -> Any:
        with self._lock:
            used = self._process
            process = self._running()
            try:
                return self._asked(process, question)
            except AstropyCrashed:
                if process is not used:
                    raise
            # An earlier file may be the cause, so that this one gets a process of its own.
            return self._asked(self._running(), question)

    def _asked(self, process: "subprocess.Popen[bytes]", question: tuple[Any, ...]) -> Any:
        try:
            return pickle.loads(_ask(process, pickle.dumps(question)))
        except AstropyEnded:
            self._discard(process)
            raise

    def _end(self) -> None:
        """End the process, so that the next file gets another one."""
        with self._lock:
            if self._process is not None and self._owner == os.getpid():
                self._discard(self._process)

    def _discard(self, process: "subprocess.Popen[bytes]") -> None:
        process.kill()
        process.wait()
        self._process = None

    def _running(self) -> "subprocess.Popen[bytes]":
        # After a fork, the new process must not use the child of the old one.
        if self._process is None or self._process.poll() is not None or self._owner != os.getpid():
            self._process = subprocess.Popen(
                module_command("preprocessing.fits.isolated"),
                stdin=subprocess.PIPE,  # it closes when this process ends, which ends the child
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=safe_environment(),
            )
            self._owner = os.getpid()
        return self._process


SHARED = IsolatedReader()
"""The reader that all threads of this process share."""


def _ask(process: "subprocess.Popen[bytes]", question: bytes) -> bytes:
    assert process.stdin is not None and process.stdout is not None
    deadline = time.monotonic() + SECONDS
    try:
        process.stdin.write(_LENGTH.pack(len(question)) + question)
        process.stdin.flush()
    except BrokenPipeError:
        raise AstropyCrashed("ended") from None
    (length,) = _LENGTH.unpack(_receive(process.stdout, _LENGTH.size, deadline))
    return _receive(process.stdout, length, deadline)


def _receive(stream: IO[bytes], length: int, deadline: float) -> bytes:
    received = bytearray()
    while len(received) < length:
        ready, _, _ = select.select([stream], [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            raise AstropyEnded(f"took longer than {SECONDS:g} seconds")
        part = os.read(stream.fileno(), min(length - len(received), 2**20))
        if not part:
            raise AstropyCrashed("crashed on it, or ran out of memory")
        received += part
    return bytes(received)


def _serve() -> None:
    """Answer questions until the parent closes the pipe."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # C libraries print to standard output, so the answers go to a copy of its descriptor.
    questions, answers = sys.stdin.buffer, os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    files: OpenFiles | None = None
    kinds: dict[str, Callable[..., Any]] = {"image": _image, "pixel": _pixel, "compared": _compared}
    while head := questions.read(_LENGTH.size):
        kind, *question = pickle.loads(questions.read(_LENGTH.unpack(head)[0]))
        if kind in ("images", "rows"):
            files = files or _open_files()
            found: Any = _with_problem(getattr(files, kind), *question)
        else:
            found = kinds[kind](*question)
        answer = pickle.dumps(found, protocol=pickle.HIGHEST_PROTOCOL)
        answers.write(_LENGTH.pack(len(answer)) + answer)
        answers.flush()


def _open_files() -> "OpenFiles":
    from preprocessing.fits.sections import OpenFiles

    return OpenFiles()


def _compared(*question: Any) -> tuple[Any, str]:
    from preprocessing.fits.world import compared_by_astropy

    return _with_problem(compared_by_astropy, *question)


def _with_problem(read: Callable[..., Any], *question: Any) -> tuple[Any, str]:
    """Return what was asked for, and why there is no answer."""
    try:
        return read(*question), ""
    except Exception as error:  # damaged files raise all kinds of exceptions
        return None, detail_of(error)


def _pixel(cards: bytes, ra: float, dec: float) -> tuple[float, float] | None:
    from preprocessing.fits.world import pixel_by_astropy

    return pixel_by_astropy(cards, ra, dec)


def _image(content: bytes, planes: int, path: str) -> tuple[Any, ...]:
    from preprocessing.fits.image import read_with_astropy

    try:
        image, header = read_with_astropy(content, planes, location(path))
    except StampError as error:
        return None, None, None, (error.reason, error.path, error.message)
    except Exception as error:  # a damaged file must cost one object, not the run
        detail = detail_of(error)
        return None, None, None, ("unreadable", path, f"not readable as FITS: {detail}")
    return image, header.cards, header.behind.cards if header.behind else None, None


if __name__ == "__main__":
    _serve()
