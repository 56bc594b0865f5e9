"""A reader whose process is killed, as the system does for lack of memory."""

import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from catalog.batches import Batch, Reader


@dataclass(frozen=True)
class Killed:
    """Reads as another reader does, but kills its process at a row, so many times; `mark` is a file."""

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
