"""Try again, later each time, and no sooner than the server asks."""

import email.utils
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from threading import Event
from typing import TypeVar

from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    stop_after_attempt,
    wait_exponential_jitter,
)

from fetch.errors import Cause, DownloadError, Stopped, TransientError

Value = TypeVar("Value")

_REFUSALS = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.PROXY_AUTHENTICATION_REQUIRED}
_PASSING = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS}


@dataclass(frozen=True)
class Patience:
    """How long and how often.

    Attributes
    ----------
    retries : int
        Further attempts after the first.
    first_wait, longest_wait : float
        Wait before the first retry, doubled each time, and its upper limit [s].
    longest_asked : float
        Longest ``Retry-After`` that is waited for; beyond it the file is given up [s].
    connect_timeout, read_timeout : float
        Longest wait for a connection, and for the next bytes [s].
    longest_transfer : float
        Longest one attempt may take: a server that sends a byte a second never times out [s].
    """

    retries: int = 4
    first_wait: float = 1.0
    longest_wait: float = 60.0
    longest_asked: float = 300.0
    connect_timeout: float = 10.0
    read_timeout: float = 60.0
    longest_transfer: float = 3600.0


def with_retries(attempt: Callable[[], Value], patience: Patience, stop: Event) -> tuple[Value, int]:
    """Call until it succeeds or patience is exhausted.

    Parameters
    ----------
    attempt : callable
        Raises `TransientError` where another attempt may help.
    patience : Patience
    stop : threading.Event
        Set by whoever wants all to stop; ends a wait at once.

    Returns
    -------
    value
        What `attempt` returned.
    attempts : int

    Raises
    ------
    DownloadError
        The last one; its `attempts` are counted.
    Stopped
        If `stop` was set while waiting.
    """
    backoff = wait_exponential_jitter(patience.first_wait, patience.longest_wait, jitter=patience.first_wait)

    def wait(state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        return max(backoff(state), getattr(error, "wait", 0.0))

    def sleep(seconds: float) -> None:
        if stop.wait(seconds):
            raise Stopped

    retrying = Retrying(
        stop=stop_after_attempt(patience.retries + 1),
        wait=wait,
        sleep=sleep,
        retry=retry_if_exception_type(TransientError),
        reraise=True,
    )
    try:
        value = retrying(attempt)
    except DownloadError as error:
        error.attempts = retrying.statistics["attempt_number"]
        raise
    return value, retrying.statistics["attempt_number"]


def status_error(status: int, retry_after: str | None, patience: Patience, detail: str = "") -> DownloadError:
    """Return the error that a status of HTTP means.

    Parameters
    ----------
    status : int
    retry_after : str or None
        The header of that name: seconds, or a date.
    patience : Patience
    detail : str
        What else the server says.

    Returns
    -------
    DownloadError
        A `TransientError` for statuses that pass: 408, 425, 429, 5xx.
    """
    phrase = HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else ""
    message = " ".join(f"HTTP {status} {phrase}".split()) + (f": {detail}" if detail else "")
    if status not in _PASSING and status < HTTPStatus.INTERNAL_SERVER_ERROR:
        return DownloadError(message, Cause.REFUSED if status in _REFUSALS else Cause.FAILED)
    wait = _seconds(retry_after)
    if wait > patience.longest_asked:
        return DownloadError(f"{message}; the server asks to wait {wait:.0f} s")
    return TransientError(message, wait=wait)


def _seconds(retry_after: str | None) -> float:
    text = (retry_after or "").strip()
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        when = email.utils.parsedate_to_datetime(text)
    except ValueError:
        return 0.0
    if when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    return max(0.0, (when - datetime.now(UTC)).total_seconds())
