"""Worker processes that leave Ctrl-C to their parent."""

import multiprocessing
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

Task = TypeVar("Task")
Result = TypeVar("Result")

CONTEXT = multiprocessing.get_context("spawn")
"""Not fork: the caller may have threads running (a progress bar, TensorFlow)."""


@contextmanager
def ignoring_interrupts() -> Iterator[None]:
    """Let processes that are started meanwhile ignore Ctrl-C: each would print a traceback of its own."""
    if threading.current_thread() is not threading.main_thread():
        yield  # where signals cannot be set, nobody waits for Ctrl-C either
        return
    earlier = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, earlier)


def run_in_processes(
    function: Callable[[Task], Result], tasks: Sequence[Task], workers: int
) -> Iterator[Result]:
    """Call a function on every task, in this process or in several.

    Parameters
    ----------
    function : callable
        Can be pickled.
    tasks : sequence
    workers : int
        Number of processes; 1 is this one.

    Yields
    ------
    object
        What the function returned, in the order of the tasks.
    """
    if workers == 1:
        yield from map(function, tasks)
        return
    with ProcessPoolExecutor(workers, mp_context=CONTEXT) as pool:
        try:
            with ignoring_interrupts():
                results = pool.map(function, tasks)
            yield from results
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
