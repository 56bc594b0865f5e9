"""Retry failed requests, with increasing waits that respect ``Retry-After``."""

import email.utils
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from threading import Event
from typing import TypeVar

from fetch.errors import Cause, DownloadError, Stopped, TransientError
from preprocessing.retries import retrying

Value = TypeVar("Value")

_REFUSALS = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.PROXY_AUTHENTICATION_REQUIRED}
_PASSING = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS}


@dataclass(frozen=True)
class Patience:
    """Number of retries, waits and timeouts.

    Attributes
    ----------
    retries : int
        Number of retries after the first attempt.
    first_wait, longest_wait : float
        Wait before the first retry, doubled each time, and its upper limit [s].
    longest_asked : float
        Longest ``Retry-After`` that is respected; with a longer one the download fails [s].
    connect_timeout, read_timeout : float
        Timeouts for a connection, and for the next bytes [s].
    longest_transfer : float
        Longest duration of one attempt, since a very slow server never causes a read timeout [s].
    """

    retries: int = 4
    first_wait: float = 1.0
    longest_wait: float = 60.0
    longest_asked: float = 300.0
    connect_timeout: float = 10.0
    read_timeout: float = 60.0
    longest_transfer: float = 3600.0


def with_retries(attempt: Callable[[], Value], patience: Patience, stop: Event) -> tuple[Value, int]:
    """Call a function until it succeeds or all retries have failed.

    Parameters
    ----------
    attempt : callable
        Raises `TransientError` if a retry may succeed.
    patience : Patience
    stop : threading.Event
        Set to stop all downloads; ends a wait at once.

    Returns
    -------
    value
        Return value of `attempt`.
    attempts : int

    Raises
    ------
    DownloadError
        The error of the last attempt, with the number of `attempts`.
    Stopped
        If `stop` was set while waiting.
    """
    again = retrying(
        patience.retries,
        patience.first_wait,
        patience.longest_wait,
        stop,
        transient=TransientError,
        stopped=Stopped,
    )
    try:
        value = again(attempt)
    except DownloadError as error:
        error.attempts = again.statistics["attempt_number"]
        raise
    return value, again.statistics["attempt_number"]


def status_error(status: int, retry_after: str | None, patience: Patience, detail: str = "") -> DownloadError:
    """Return the error for an HTTP status.

    Parameters
    ----------
    status : int
    retry_after : str or None
        The header ``Retry-After``: seconds, or a date.
    patience : Patience
    detail : str
        Further message of the server.

    Returns
    -------
    DownloadError
        A `TransientError` for temporary statuses: 408, 425, 429, 5xx.
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
