"""Read ahead in a thread, and compute ahead."""

import queue
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

Item = TypeVar("Item")
Begun = TypeVar("Begun")


def read_ahead(
    items: Callable[[], Iterator[Item]], stopped: Callable[[], bool] = lambda: False, most: int = 2
) -> Iterator[Item]:
    """Yield the items of an iterator that runs in a thread of its own.

    Parameters
    ----------
    items : callable
        Returns the iterator; called in the thread.
    stopped : callable
        Returns whether to end early; asked several times a second.
    most : int
        Items that wait at most. With one in the hands of either side, `most` + 2 exist at a time.

    Yields
    ------
    object
        In order. An exception of the iterator is raised after the items before it.
    """
    waiting: queue.Queue[tuple[list[Item], BaseException | None]] = queue.Queue(most)
    stop = threading.Event()

    def put(found: list[Item], error: BaseException | None = None) -> bool:
        while not stop.is_set():
            try:
                waiting.put((found, error), timeout=0.1)
            except queue.Full:
                continue
            return True
        return False

    def run() -> None:
        try:
            for item in items():
                if not put([item]):
                    return
            put([])
        except BaseException as error:
            put([], error)

    thread = threading.Thread(target=run, name="reading", daemon=True)
    thread.start()
    try:
        while not stopped():
            try:
                found, error = waiting.get(timeout=0.2)
            except queue.Empty:
                continue
            if error is not None:
                raise error
            if not found:
                return
            yield from found
    finally:
        stop.set()
        thread.join()


def begun_ahead(
    items: Iterable[Item], begin: Callable[[Item], Begun], most: int
) -> Iterator[tuple[Item, Begun]]:
    """Yield items in order, each with what `begin` returned for it, which is called `most` items ahead.

    Parameters
    ----------
    items : iterable
    begin : callable
        Begins the work on an item, such as `Executor.submit`.
    most : int
        Items that are begun and not yielded yet, while the next is waited for.

    Yields
    ------
    tuple
        An exception of `items` is raised after the items before it.
    """
    waiting: deque[tuple[Item, Begun]] = deque()
    fault: Exception | None = None
    remaining = iter(items)
    while True:
        try:
            item = next(remaining)
        except StopIteration:
            break
        except Exception as error:
            fault = error
            break
        waiting.append((item, begin(item)))
        if len(waiting) > most:
            yield waiting.popleft()
    yield from waiting
    if fault is not None:
        raise fault
