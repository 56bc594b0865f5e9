"""One catalogue, from an input and a model to all chunks; begun, continued, in parts, or put together."""

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pyarrow as pa

from catalog import chunks
from catalog.classifier import ModelSpec
from catalog.engine import classify
from catalog.errors import CatalogError
from catalog.objects import Input
from catalog.place import ELSEWHERE, OWNER, PARTS, Settings
from catalog.plan import Plan, make_plan, read_plan, write_plan
from catalog.store import Store
from catalog.worker import Job

BATCH_BYTES = 2**24
"""Pixels of a batch, unless a number of objects is given: 85 objects with a cut of 128 pixels."""
_BATCH_LIMITS = 1, 64


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
    earlier, done_before = read_plan(store), chunks.finished(store)
    if settings.work_place:
        settings.marker.write(ELSEWHERE, os.fsencode(store.place))
        store.write(OWNER, os.fsencode(settings.out))
    else:
        store.remove([ELSEWHERE])
    if earlier is None or not done_before:
        write_plan(plan, source, store)
    else:
        _refuse_other(settings, earlier, plan)
        plan = earlier  # its chunks may be of another size
    tasks = plan.part(*settings.part) if settings.part else plan.tasks
    wanted = {chunk for task in tasks for chunk in range(*task)}
    total = plan.rows_of(wanted)
    there = plan.rows_of(done_before & wanted)
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
        advice = "choose another folder" if settings.part else "--overwrite begins anew"
        raise CatalogError(
            f"--out {settings.out} holds an unfinished catalogue of another {different}; {advice}"
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
