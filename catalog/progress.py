"""What a local run tells the command: how far it is, and why it failed. And the other way: stop.

Beam runs its steps in threads of this process or in other processes, and turns exceptions into texts. In this
process the figures and exceptions are kept here, by the work folder of the run.
"""

import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

_LOCK = threading.Lock()
_DONE: dict[str, int] = defaultdict(int)
_FAULTS: dict[str, BaseException] = {}
_STOPS: dict[str, threading.Event] = defaultdict(threading.Event)


def begin(run: str) -> None:
    """Forget what is known of an earlier run in the same work folder."""
    with _LOCK:
        for known in (_DONE, _FAULTS, _STOPS):
            known.pop(run, None)


def count(run: str, rows: int) -> None:
    """Add rows that are done."""
    with _LOCK:
        _DONE[run] += rows


def done(run: str) -> int:
    """Return the number of rows that are done in this process."""
    with _LOCK:
        return _DONE[run]


def stop(run: str) -> None:
    """Ask the steps of a run to end."""
    _STOPS[run].set()


def stopped(run: str) -> bool:
    """Return whether the steps of a run have been asked to end."""
    return _STOPS[run].is_set()


@contextmanager
def noting_faults(run: str) -> Iterator[None]:
    """Context whose exceptions are kept for `fault`."""
    try:
        yield
    except GeneratorExit:
        raise
    except BaseException as error:
        with _LOCK:
            _FAULTS.setdefault(run, error)
        raise


def fault(run: str) -> BaseException | None:
    """Return the first exception of a step in this process."""
    with _LOCK:
        return _FAULTS.get(run)
