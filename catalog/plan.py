"""Divide the objects into chunks, the units of resume, and into tasks, the elements of a Beam pipeline.

The plan lies in the work folder of the catalogue, where every worker finds it. It is made before anything is
classified, and is the same each time for the same input, model and settings.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa

from catalog.errors import CatalogError
from catalog.objects import Input
from catalog.store import Store

CHUNK_ROWS = 1024
"""Rows of a chunk: what is lost if a worker is killed."""
TASK_CHUNKS = 8
"""Chunks of a task, unless the input asks to keep more together."""
PLAN, OBJECTS = "plan.json", "objects.arrow"
"""Files in the work folder."""
_DIGEST = b"plan"  # key in the metadata of `OBJECTS`


@dataclass(frozen=True)
class Plan:
    """How the rows of a catalogue are divided.

    Attributes
    ----------
    subject : dict of str to str
        What the result depends on, by its name in messages: input, model, settings. Digests or texts.
    ends : list of int
        For each chunk the number of rows up to its end.
    tasks : list of (int, int)
        First chunk, and the one after the last.
    """

    subject: dict[str, str]
    ends: list[int]
    tasks: list[tuple[int, int]]

    @property
    def rows(self) -> int:
        """Number of all rows."""
        return self.ends[-1]

    @cached_property
    def sizes(self) -> list[int]:
        """Number of rows of each chunk."""
        return np.diff([0, *self.ends]).tolist()

    def rows_of(self, chunks: Iterable[int]) -> int:
        """Return the number of rows of some chunks."""
        return sum(self.sizes[chunk] for chunk in chunks)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the plan, by which its files are told from those of another."""
        return hashlib.sha256(json.dumps([self.subject, self.ends], sort_keys=True).encode()).hexdigest()

    def part(self, number: int, of: int) -> list[tuple[int, int]]:
        """Return the tasks of one part of several: about as many chunks in each, that follow each other."""
        first, end = (len(self.ends) * place // of for place in (number - 1, number))
        cut = ((max(start, first), min(stop, end)) for start, stop in self.tasks)
        return [(start, stop) for start, stop in cut if start < stop]

    def difference(self, other: "Plan") -> str:
        """Return what differs in the subject of another plan; empty if nothing does."""
        names = [*self.subject, *(name for name in other.subject if name not in self.subject)]
        return ", ".join(name for name in names if self.subject.get(name) != other.subject.get(name))


def make_plan(source: Input, subject: dict[str, str], chunk_rows: int = CHUNK_ROWS) -> Plan:
    """Divide the objects of an input.

    Parameters
    ----------
    source : Input
    subject : dict of str to str
        See `Plan`.
    chunk_rows : int

    Returns
    -------
    Plan
        No chunk holds objects of two groups. A task holds up to `TASK_CHUNKS` chunks of a group of stamps,
        and all chunks of any other group.
    """
    ends: list[int] = []
    tasks: list[tuple[int, int]] = []
    row = 0
    whole = len(source.groups) > 1
    for rows in source.groups:
        first = len(ends)
        ends += [min(row + start + chunk_rows, row + rows) for start in range(0, rows, chunk_rows)]
        row += rows
        most = len(ends) - first if whole else TASK_CHUNKS
        tasks += [(start, min(start + most, len(ends))) for start in range(first, len(ends), most or 1)]
    return Plan(subject, ends, tasks)


def write_plan(plan: Plan, source: Input, store: Store) -> None:
    """Write a plan and its objects; raise `CatalogError` if they cannot be written."""
    # Record batches, one for each chunk: a worker reads its own without the others.
    schema = source.objects.schema.with_metadata({_DIGEST: plan.digest})
    with store.writing(OBJECTS) as sink, pa.ipc.new_file(sink, schema) as writer:
        start = 0
        for rows in plan.sizes:
            part = source.objects.slice(start, rows).combine_chunks()
            writer.write_table(part.replace_schema_metadata(schema.metadata), max_chunksize=rows)
            start += rows
    store.write(PLAN, (json.dumps(asdict(plan)) + "\n").encode())


def read_plan(store: Store) -> Plan | None:
    """Return the plan in a work folder, or None if there is none; raise `CatalogError` if it is damaged."""
    try:
        content: dict[str, Any] = json.loads(store.read(PLAN))
        content["tasks"] = [tuple(task) for task in content["tasks"]]
        return Plan(**content)
    except FileNotFoundError:
        return None
    except CatalogError:  # it cannot be read, which is not damage
        raise
    except (ValueError, TypeError, KeyError) as error:
        raise CatalogError(f"{store.place}/{PLAN} is damaged: {error}") from error


def objects_of(store: Store, digest: str, chunks: Sequence[int]) -> Iterator[tuple[int, pa.Table]]:
    """Yield the objects of some chunks, each with the number of the chunk.

    Raises
    ------
    CatalogError
        If the plan in the work folder is another one by now; `digest` is that of the expected one.
    """
    with store.open(OBJECTS) as stream, pa.ipc.open_file(stream) as reader:
        if (reader.schema.metadata or {}).get(_DIGEST) != digest.encode():
            raise other_plan(f"{store.place}/{OBJECTS}")
        for chunk in chunks:
            yield chunk, pa.Table.from_batches([reader.get_batch(chunk)]).replace_schema_metadata()


def other_plan(path: str) -> CatalogError:
    """Return the error for a file of another plan, which a command with another input has written."""
    return CatalogError(
        f"{path} belongs to a catalogue of another input or model: two commands wrote into one folder;"
        " --overwrite begins anew"
    )
