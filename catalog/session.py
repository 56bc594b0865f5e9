"""One catalogue, from an input and a model to all chunks; begun, continued, in parts, or put together."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pyarrow as pa

from catalog import chunks
from catalog.classifier import ModelSpec
from catalog.engine import Engine, classify
from catalog.errors import CatalogError
from catalog.objects import Input
from catalog.output.write import is_complete
from catalog.plan import CHUNK_ROWS, Plan, make_plan, read_plan, write_plan
from catalog.runners import check_runner
from catalog.store import Store
from catalog.worker import Job

WORK = ".work"
"""Folder of the unfinished catalogue, in that of the catalogue."""
ELSEWHERE = "elsewhere.txt"
"""File in `WORK` that says where the unfinished catalogue is, if it is elsewhere."""
PARTS = "parts"

BATCH_BYTES = 2**24
"""Pixels of a batch, unless a number of objects is given: 85 objects with a cut of 128 pixels."""
_BATCH_LIMITS = 1, 64

Existing = Literal["refuse", "resume", "overwrite"]


class CompleteError(CatalogError):
    """The catalogue is there, and finished."""


@dataclass(frozen=True)
class Settings:
    """What to make, and how to go about it.

    Attributes
    ----------
    out : Path
        Folder of the catalogue.
    existing : str
        What to do if it is there: ``refuse``, ``resume`` or ``overwrite``.
    part : (int, int) or None
        Number of the part, from 1, and number of parts; the others are classified by other commands.
    engine : Engine
    batch : int or None
        Objects that are classified at once; by default as many as fit into `BATCH_BYTES`, 64 at most.
    chunk_rows : int
    work_place : str
        Folder or URI below which the unfinished catalogue lies; empty for the folder of the catalogue.
    """

    out: Path
    existing: Existing = "refuse"
    part: tuple[int, int] | None = None
    engine: Engine = field(default_factory=Engine)
    batch: int | None = None
    chunk_rows: int = CHUNK_ROWS
    work_place: str = ""

    @property
    def work(self) -> Store:
        """The work folder. It is removed at the end, so that one elsewhere is a folder of our own."""
        if self.work_place:
            return Store(f"{self.work_place.rstrip('/')}/{self.out.name}{WORK}")
        return Store(str(self.out / WORK))

    @property
    def marker(self) -> Store:
        """The folder `WORK` in that of the catalogue, for what stays on this machine."""
        return Store(str(self.out / WORK))


@dataclass(frozen=True)
class Progress:
    """How far a catalogue is.

    Attributes
    ----------
    plan : Plan
    classified_now : int
        Rows that this command has done.
    seconds : float
        Time that it took [s].
    is_complete : bool
        Whether all chunks are there.
    """

    plan: Plan
    classified_now: int
    seconds: float
    is_complete: bool


def default_batch(side: int) -> int:
    """Return the number of objects that are classified at once, for a cut of so many pixels."""
    least, most = _BATCH_LIMITS
    return max(least, min(most, BATCH_BYTES // (side * side * 3 * 4)))


def check_out(settings: Settings) -> None:
    """Check the folder of the catalogue and the engine, before the input is read.

    Raises
    ------
    CatalogError
        If there is a catalogue already and nothing says what to do with it (`CompleteError` if it is
        finished), the folder holds other files, or the engine cannot work (`check_runner`).
    """
    check_runner(settings.engine.arguments())
    out, work, runner = settings.out, settings.work, settings.engine.runner
    if "Dataflow" in runner and not work.is_remote:
        raise CatalogError(f"--runner {runner}: its workers do not reach {work.place}; give --work URI")
    if out.exists() and not out.is_dir():
        raise CatalogError(f"--out {out} is a file; a catalogue is a folder")
    complete, begun = is_complete(out), (out / WORK).is_dir()
    if not complete and not begun and out.is_dir() and any(out.iterdir()):
        raise CatalogError(f"--out {out} holds files that are no catalogue; choose another folder")
    earlier = _earlier(settings)
    if settings.existing == "overwrite":
        for store in (earlier, work, settings.marker):
            store.remove()  # the finished catalogue stays until the new one is whole
    elif complete and (settings.existing == "refuse" or settings.part or not begun):
        raise CompleteError(f"--out {out} holds a finished catalogue; --overwrite replaces it")
    elif earlier.place != work.place and chunks.finished(earlier):
        raise CatalogError(
            f"--out {out} holds an unfinished catalogue whose work folder is {earlier.place}; give the same"
            " --work, or --overwrite to begin anew"
        )
    elif settings.existing == "refuse" and not settings.part and chunks.finished(work):
        place = f" in {work.place}" if settings.work_place else ""
        raise CatalogError(
            f"--out {out} holds an unfinished catalogue{place}; --resume continues it, --overwrite begins"
            " anew"
        )
    if settings.work_place:
        work.write(f"{PARTS}/begun", b"")  # tells now whether it can be written


def _earlier(settings: Settings) -> Store:
    """Return the work folder of the unfinished catalogue, as its folder says it."""
    try:
        return Store(settings.marker.read(ELSEWHERE).decode().strip())
    except FileNotFoundError:
        return settings.marker


def check_unfinished(settings: Settings, source: Input, subject: dict[str, str]) -> None:
    """Raise `CatalogError` if the unfinished catalogue is of another input, model or setting."""
    earlier = read_plan(settings.work)
    if earlier and chunks.finished(settings.work):
        _refuse_other(settings, earlier, _plan_of(settings, source, subject))


def run_classification(
    settings: Settings,
    source: Input,
    model: ModelSpec,
    side: int,
    subject: dict[str, str],
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> Progress:
    """Classify what is not classified yet.

    Parameters
    ----------
    settings : Settings
        Checked by `check_out`.
    source : Input
    model : ModelSpec
    side : int
        Of the model's cut [pixels].
    subject : dict of str to str
        What the result depends on beside the input, by its name in messages.
    on_progress : callable
        Called with the number of rows that are done, and of all of the part.

    Raises
    ------
    CatalogError
        If the unfinished catalogue is of another input or model, or the run fails.
    """
    started = time.monotonic()
    if not len(source.objects):
        raise CatalogError("there are no objects to classify")
    store = settings.work
    plan = _plan_of(settings, source, subject)
    earlier = read_plan(store)
    if settings.work_place:
        settings.marker.write(ELSEWHERE, store.place.encode())
    if earlier is None or not chunks.finished(store):
        write_plan(plan, source, store)
    else:
        _refuse_other(settings, earlier, plan)
        plan = earlier  # its chunks may be of another size
    tasks = plan.part(*settings.part) if settings.part else plan.tasks
    wanted = {chunk for task in tasks for chunk in range(*task)}
    total = plan.rows_of(wanted)
    there = plan.rows_of(chunks.finished(store) & wanted)
    job = Job(store.place, plan.digest, source.reader, model, settings.batch or default_batch(side))
    messages = settings.marker.place
    classify(settings.engine, job, plan, tasks, lambda done: on_progress(there + done, total), messages)
    finished = chunks.finished(store)
    if missing := wanted - finished:
        raise CatalogError(
            f"{settings.engine.runner} ended without {len(missing):,} of {len(wanted):,} chunks"
        )
    if settings.part:
        number, of = settings.part
        store.write(f"{PARTS}/{number}-of-{of}", b"")
    done = total - there
    return Progress(plan, done, time.monotonic() - started, len(finished) == len(plan.ends))


def merged(settings: Settings, source: Input, subject: dict[str, str]) -> Plan:
    """Return the plan of a catalogue whose parts have all been classified.

    Raises
    ------
    CatalogError
        If there is none, it is of another input or model, or a part is missing.
    """
    plan = read_plan(settings.work)
    if plan is None:
        raise CatalogError(f"--out {settings.out} holds no parts of a catalogue")
    _refuse_other(settings, plan, _plan_of(settings, source, subject))
    missing = set(range(len(plan.ends))) - chunks.finished(settings.work)
    if missing:
        rows = f"{plan.rows_of(missing):,} of {plan.rows:,} rows are not classified"
        raise CatalogError(f"--out {settings.out}: {rows}{_missing_parts(settings.work)}")
    return plan


def _plan_of(settings: Settings, source: Input, subject: dict[str, str]) -> Plan:
    return make_plan(source, {"input": source.digest, **subject}, settings.chunk_rows)


def _refuse_other(settings: Settings, earlier: Plan, plan: Plan) -> None:
    if different := earlier.difference(plan):
        raise CatalogError(
            f"--out {settings.out} holds an unfinished catalogue of another {different}; --overwrite begins"
            " anew"
        )


def _missing_parts(store: Store) -> str:
    names = (name for name in store.names(PARTS) if "-of-" in name)
    parts = [tuple(map(int, name.split("-of-"))) for name in names]
    texts = []
    for of in sorted({of for _, of in parts}):
        there = {number for number, other in parts if other == of}
        lacking = [str(number) for number in range(1, of + 1) if number not in there]
        if lacking:
            texts.append(f"of {of} parts {', '.join(lacking[:10])}{' ...' if len(lacking) > 10 else ''}")
    return f" ({'; '.join(texts)} have not finished)" if texts else ""


def classified(store: Store, plan: Plan) -> Iterator[pa.Table]:
    """Yield the classified rows of all chunks, in the order of the catalogue."""
    for chunk in range(len(plan.ends)):
        table = chunks.load(store, plan.digest, chunk)
        table = table.filter(table.column("reason").is_null())
        if len(table):
            yield table.drop_columns(["file", "reason", "message"])


def rejected(store: Store, plan: Plan) -> Iterator[pa.Table]:
    """Yield row, name, file, reason and message of the rejects of all chunks."""
    for chunk in range(len(plan.ends)):
        table = chunks.load(store, plan.digest, chunk, ["row", "name", "file", "reason", "message"])
        table = table.filter(table.column("reason").is_valid())
        if len(table):
            yield table
