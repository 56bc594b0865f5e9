"""The time that answers take."""

import time
from collections.abc import Callable

import numpy as np

ENOUGH_SECONDS, ENOUGH_CALLS, LEAST_CALLS = 2.0, 50, 3


def measure(call: Callable[[], float]) -> dict[str, float]:
    """Return median and 99th percentile of the times that calls take.

    Parameters
    ----------
    call : callable
        Returns the time of one call [s]. The first call does not count.

    Returns
    -------
    dict
        ``median``, ``p99`` [s] and ``calls``: as many as fit into 2 s, at least 3 and at most 50.
    """
    call()
    started = time.monotonic()
    times: list[float] = []
    while len(times) < LEAST_CALLS or (
        len(times) < ENOUGH_CALLS and time.monotonic() - started < ENOUGH_SECONDS
    ):
        times.append(call())
    median, p99 = np.percentile(times, (50, 99))
    return {"median": float(median), "p99": float(p99), "calls": len(times)}
