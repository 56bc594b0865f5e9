"""Worker processes that ignore Ctrl-C and do not import modules from the working folder."""

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import CancelledError, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import connection
from typing import Any, TypeVar

from preprocessing.safe_python import make_environment_safe

Argument = TypeVar("Argument")
Task = TypeVar("Task")
Result = TypeVar("Result")

CONTEXT = multiprocessing.get_context("spawn")
"""Not fork: the caller may have threads running (a progress bar, TensorFlow)."""
_STARTING = threading.RLock()


@contextmanager
def starting_processes() -> Iterator[None]:
    """Context in which processes are started.

    They ignore Ctrl-C, because otherwise each would print a traceback, and import nothing from the working
    folder (`preprocessing.safe_python`). One thread at a time: the environment is that of all.
    """
    with _STARTING:
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
    with ProcessPoolExecutor(workers, mp_context=CONTEXT, initializer=_begin) as pool:
        try:
            with starting_processes():
                results = pool.map(function, tasks)
            yield from results
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


class WorkerPool:
    """Processes that stay from one list of tasks to the next.

    Parameters
    ----------
    workers : int
        Number of processes; with 1 the tasks run in this process.
    """

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._before = set(multiprocessing.active_children())
        self._pool = (
            None if workers == 1 else ProcessPoolExecutor(workers, mp_context=CONTEXT, initializer=_begin)
        )

    def map(
        self,
        function: Callable[[Argument], Result],
        tasks: Iterable[Task],
        argument: Callable[[Task], Argument],
    ) -> Iterator[tuple[Task, Result]]:
        """Call a function for every task.

        Parameters
        ----------
        function : callable
            Must be picklable.
        tasks : iterable
            At most two for each process are taken ahead.
        argument : callable
            Returns what the function is called with for a task.

        Yields
        ------
        task, result : object
            In the order of the tasks.

        Raises
        ------
        BrokenTaskError
            If a process was killed.
        """
        if self._pool is None:
            for task in tasks:
                yield task, function(argument(task))
            return
        ahead: deque[tuple[Task, Future[Result]]] = deque()
        for task in tasks:
            with starting_processes():
                ahead.append((task, self._pool.submit(function, argument(task))))
            if len(ahead) >= 2 * self._workers:
                yield _outcome(*ahead.popleft())
        while ahead:
            yield _outcome(*ahead.popleft())

    def close(self) -> None:
        """End the processes when they have finished their tasks."""
        if self._pool is not None:
            self._pool.shutdown()

    def terminate(self) -> None:
        """End the processes at once; otherwise they would finish what they have been given."""
        if self._pool is None:
            return
        self._pool.shutdown(wait=False, cancel_futures=True)
        for process in set(multiprocessing.active_children()) - self._before:
            process.terminate()


class BrokenTaskError(Exception):
    """A process was killed, perhaps for lack of memory; `task` is the one whose result was awaited."""

    def __init__(self, task: Any) -> None:
        super().__init__("a process was killed, perhaps for lack of memory")
        self.task = task


def _outcome(task: Task, future: "Future[Result]") -> tuple[Task, Result]:
    try:
        return task, future.result()
    except (BrokenProcessPool, CancelledError):  # cancelled if another thread ended the pool
        raise BrokenTaskError(task) from None


def _begin() -> None:
    """Ignore Ctrl-C, and end when the parent process ends: the pool itself would wait for ever."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if parent := multiprocessing.parent_process():
        threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()


def _end_with(sentinel: int) -> None:
    connection.wait([sentinel])
    os._exit(1)
