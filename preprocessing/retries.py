"""Repeat what fails for the moment, with increasing waits that a signal ends."""

import math
from collections.abc import Callable
from threading import Event

from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    stop_after_attempt,
    wait_exponential_jitter,
)


def retrying(
    retries: int,
    first_wait: float,
    longest_wait: float,
    stop: Event,
    *,
    transient: type[Exception],
    stopped: Callable[[], Exception],
    longest_asked: float = math.inf,
) -> Retrying:
    """Return what calls a function again if it raises a transient error.

    Parameters
    ----------
    retries : int
        Number of retries after the first attempt. The error of the last attempt is raised.
    first_wait, longest_wait : float
        Wait before the first retry, doubled each time, and its upper limit [s]. A random time of up to
        `first_wait` is added.
    stop : threading.Event
        Ends a wait at once.
    transient : type
        An attribute ``wait`` of the error is how long the server asks to wait [s].
    stopped : callable
        Returns the exception to raise if `stop` is set during a wait.
    longest_asked : float
        Upper limit of the wait that a server asks for [s].

    Returns
    -------
    tenacity.Retrying
    """
    backoff = wait_exponential_jitter(first_wait, longest_wait, jitter=first_wait)

    def wait(state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        return max(backoff(state), min(getattr(error, "wait", 0.0), longest_asked))

    def sleep(seconds: float) -> None:
        if stop.wait(seconds):
            raise stopped()

    return Retrying(
        stop=stop_after_attempt(retries + 1),
        wait=wait,
        sleep=sleep,
        retry=retry_if_exception_type(transient),
        reraise=True,
    )
