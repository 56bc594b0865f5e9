"""Worker processes that ignore Ctrl-C and do not import modules from the working folder."""

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
    """Context in which processes are started.

    They ignore Ctrl-C, because otherwise each would print a traceback, and import nothing from the working
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
        yield  # signals can be set in the main thread only; no other thread handles Ctrl-C
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
        Must be picklable.
    tasks : sequence
    workers : int
        Number of processes; with 1 the tasks run in this process.

    Yields
    ------
    object
        Return values of the function, in the order of the tasks.
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
