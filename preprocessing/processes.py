"""Worker processes that leave Ctrl-C to their parent, and do not look into the working folder for modules."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

from preprocessing.safe_python import make_environment_safe

Task = TypeVar("Task")
Result = TypeVar("Result")

CONTEXT = multiprocessing.get_context("spawn")
"""Not fork: the caller may have threads running (a progress bar, TensorFlow)."""


@contextmanager
def starting_processes() -> Iterator[None]:
    """Start processes in this context.

    They ignore Ctrl-C, for which each would print a traceback of its own, and import nothing from the working
    folder (`preprocessing.safe_python`).
    """
    earlier = {name: os.environ.get(name) for name in ("PYTHONSAFEPATH", "PYTHONPATH")}
    make_environment_safe()
    try:
        with _ignoring_interrupts():
            yield
    finally:
        for name, value in earlier.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


@contextmanager
def _ignoring_interrupts() -> Iterator[None]:
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
            with starting_processes():
                results = pool.map(function, tasks)
            yield from results
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
