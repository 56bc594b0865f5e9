"""Run many jobs in a few threads that can be stopped at once."""

import queue
import threading
from collections.abc import Callable, Iterable
from threading import Event
from typing import Generic, TypeVar

from fetch.errors import Stopped

Job = TypeVar("Job")
Result = TypeVar("Result")

_LAST_WORDS = 3.0  # time for threads to finish their jobs when all must stop [s]


class Workers(Generic[Job, Result]):
    """A pool of threads.

    Not an executor, whose threads would delay Ctrl-C for as long as a server makes them wait. These threads
    are abandoned; unfinished downloads do not have their final names yet.

    Parameters
    ----------
    work : callable
        Does one job. May raise `Stopped` if `stop` is set; any other exception stops all threads.
    jobs : iterable
    count : int
    stop : threading.Event
    """

    def __init__(self, work: Callable[[Job], Result], jobs: Iterable[Job], count: int, stop: Event) -> None:
        self._work, self._jobs, self._stop = work, iter(jobs), stop
        self._lock = threading.Lock()
        self._results: queue.SimpleQueue[tuple[Result | None, BaseException | None]] = queue.SimpleQueue()
        self._threads = [
            threading.Thread(target=self._run, name=f"fetch-{number}", daemon=True) for number in range(count)
        ]
        for thread in self._threads:
            thread.start()

    def next_result(self) -> Result:
        """Wait for the next result, in order of completion. Exceptions of a job are raised here."""
        result, error = self._results.get()
        if error is not None:
            raise error
        return result  # type: ignore[return-value]  # there is one where there is no error

    def wind_up(self) -> list[Result]:
        """Stop all threads, and return the results that were finished in the meantime."""
        self._stop.set()
        for thread in self._threads:
            thread.join(_LAST_WORDS / len(self._threads))
        finished = []
        while not self._results.empty():
            result, error = self._results.get()
            if error is None:
                finished.append(result)
        return finished  # type: ignore[return-value]

    def _run(self) -> None:
        while not self._stop.is_set():
            with self._lock:
                job = next(self._jobs, None)
            if job is None:
                return
            try:
                self._results.put((self._work(job), None))
            except Stopped:
                return
            except BaseException as error:
                self._results.put((None, error))
                return
