"""Errors of the whole command, and of one file."""

from enum import Enum


class FetchError(Exception):
    """The command cannot start or continue. The message is one line that says what to change."""


class Cause(Enum):
    """Why a download failed."""

    UNREACHABLE = "unreachable"  # no connection to the host
    REFUSED = "refused"  # the host requires a login, or returns a web page
    FAILED = "failed"  # a problem of this file only


class DownloadError(Exception):
    """The download of one file failed.

    Parameters
    ----------
    message : str
        One sentence. It contains no URL, because a URL may contain a token.
    cause : Cause
    """

    def __init__(self, message: str, cause: Cause = Cause.FAILED) -> None:
        super().__init__(message)
        self.message, self.cause = message, cause
        self.attempts = 1


class ChecksumError(DownloadError):
    """A file is complete, but does not have the expected checksum."""


class TransientError(DownloadError):
    """One attempt failed, but a retry may succeed.

    Parameters
    ----------
    message, cause
        As for `DownloadError`.
    wait : float
        Time that the server asks to wait [s].
    """

    def __init__(self, message: str, cause: Cause = Cause.FAILED, wait: float = 0.0) -> None:
        super().__init__(message, cause)
        self.wait = wait


class Stopped(Exception):
    """The user pressed Ctrl-C, or another worker met an error that stops all."""
