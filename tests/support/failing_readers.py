"""Readers that fail, in this process or in those of a cluster."""

import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from catalog.batches import Batch, Reader
from catalog.errors import CatalogError


@dataclass(frozen=True)
class Failing:
    """Raises an exception of the project."""

    message: str

    def __call__(self, objects: pa.Table, size: int) -> Iterator[Batch]:
        raise CatalogError(self.message)


@dataclass(frozen=True)
class Killed:
    """Reads as another reader does, but kills its process at a row, so many times; `mark` is a file.

    That is how a system ends a process for which it lacks memory.
    """

    read: Reader
    row: int
    times: int
    mark: Path

    def __call__(self, objects: pa.Table, size: int) -> Iterator[Batch]:
        if self.row in objects.column("row").to_pylist():
            with self.mark.open("a") as count:
                if count.tell() < self.times:
                    count.write("x")
                    count.flush()
                    os.kill(os.getpid(), signal.SIGKILL)
        yield from self.read(objects, size)


class Breaks(Exception):
    """The end of the world."""


class BreaksAfter:
    """A reader that fails after some batches."""

    def __init__(self, read: Reader, batches: int) -> None:
        self.read, self.left = read, batches

    def __call__(self, objects: pa.Table, size: int) -> Iterator[Batch]:
        for batch in self.read(objects, size):
            if not self.left:
                raise Breaks("now")
            self.left -= 1
            yield batch
