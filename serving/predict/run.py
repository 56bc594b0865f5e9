"""Classify all objects: read, ask, keep what was answered, and write the result."""

import queue
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from contextlib import closing
from typing import TypeVar

from serving.predict.asking import Asker
from serving.predict.errors import PredictError, VersionGoneError
from serving.predict.journal import Journal
from serving.predict.objects import Objects
from serving.predict.outcomes import Outcome
from serving.predict.reading import Batch, BatchReader, read_batches

Item = TypeVar("Item")
Result = TypeVar("Result")


class IncompleteError(PredictError):
    """The prediction ended early; the journal holds what was classified."""


class Interrupted(IncompleteError):
    """The user pressed Ctrl-C."""


def classify_objects(
    objects: Objects,
    read: BatchReader,
    asker: Asker,
    journal: Journal,
    *,
    batch: int,
    workers: int | None,
    concurrency: int,
    stop: threading.Event,
    progress: Callable[[int], None] = lambda done: None,
) -> None:
    """Classify the objects that the journal does not have yet.

    Parameters
    ----------
    objects : Objects
    read : BatchReader
    asker : Asker
    journal : Journal
        Gets the outcomes in the order of the objects.
    batch : int
        Objects that are read at once.
    workers : int or None
        Processes that read, as in `read_batches`.
    concurrency : int
        Number of requests at the same time.
    stop : threading.Event
        That of `asker`.
    progress : callable
        Called with the number of objects that are done.

    Raises
    ------
    IncompleteError
        If the classifier fails; `Interrupted` after Ctrl-C. The message says how to go on.
    """
    progress(journal.done)
    try:
        batches = read_batches(objects, read, first=journal.done, size=batch, workers=workers)
        with closing(batches):
            for outcomes in _in_order(lambda one: _outcomes(one, asker), batches, concurrency, stop):
                journal.append(outcomes)
                progress(journal.done)
    except KeyboardInterrupt:
        raise Interrupted(_how_to_go_on("interrupted", objects, journal)) from None
    except VersionGoneError as error:
        how = "run the same command again when the version is back, or --overwrite to begin anew"
        raise IncompleteError(_how_to_go_on(str(error), objects, journal, how)) from error
    except PredictError as error:
        raise IncompleteError(_how_to_go_on(str(error), objects, journal)) from error
    finally:
        stop.set()


def _how_to_go_on(
    problem: str, objects: Objects, journal: Journal, how: str = "run the same command again to go on"
) -> str:
    done, total = f"{journal.done:,}", f"{len(objects):,}"
    if not journal.done:
        return f"{problem}; none of {total} objects is classified"
    return f"{problem}; {done} of {total} objects are done, {how}"


def _outcomes(batch: Batch, asker: Asker) -> list[Outcome]:
    """Return the outcome of each object of a batch, in order."""
    results: dict[int, Outcome] = dict(batch.rejects)
    if batch.good:
        for row, result in zip(batch.good, asker.outcomes(batch.payload, batch.flags), strict=True):
            results[row] = result
    return [results[row] for row in batch.rows]


def _in_order(
    work: Callable[[Item], Result], items: Iterable[Item], threads: int, stop: threading.Event
) -> Iterator[Result]:
    """Yield the results of a function in the order of the items, computed in threads.

    At most two items for each thread are taken ahead. An executor's threads would delay Ctrl-C for as long as
    a server makes them wait; these are abandoned.
    """
    if threads == 1:
        for item in items:
            yield work(item)
        return
    tasks: queue.SimpleQueue[tuple[Item, Future[Result]]] = queue.SimpleQueue()

    def run() -> None:
        while not stop.is_set():
            try:
                item, future = tasks.get(timeout=0.2)
            except queue.Empty:
                continue
            try:
                future.set_result(work(item))
            except BaseException as error:
                future.set_exception(error)
                return

    for number in range(threads):
        threading.Thread(target=run, name=f"predict-{number}", daemon=True).start()
    ahead: deque[Future[Result]] = deque()
    for item in items:
        future: Future[Result] = Future()
        tasks.put((item, future))
        ahead.append(future)
        if len(ahead) >= 2 * threads:
            yield ahead.popleft().result()
    while ahead:
        yield ahead.popleft().result()
