"""What can go wrong: for the whole command, and for one file."""

from enum import Enum


class FetchError(Exception):
    """Nothing can be fetched, or no more; the message is one line that says what to mend."""


class Cause(Enum):
    """Why a file did not come."""

    UNREACHABLE = "unreachable"  # no connection to the host at all
    REFUSED = "refused"  # the host wants to know who asks, or shows a web page instead
    FAILED = "failed"  # this one file


class DownloadError(Exception):
    """One file did not come.

    Parameters
    ----------
    message : str
        One sentence for a person. It holds no address: an address may hold somebody's token.
    cause : Cause
    """

    def __init__(self, message: str, cause: Cause = Cause.FAILED) -> None:
        super().__init__(message)
        self.message, self.cause = message, cause
        self.attempts = 1


class ChecksumError(DownloadError):
    """A file came whole, and is not the one that was to come."""


class TransientError(DownloadError):
    """One attempt failed; the next may not.

    Parameters
    ----------
    message, cause
        As for `DownloadError`.
    wait : float
        What the server asks to be left alone [s].
    """

    def __init__(self, message: str, cause: Cause = Cause.FAILED, wait: float = 0.0) -> None:
        super().__init__(message, cause)
        self.wait = wait


class Stopped(Exception):
    """Somebody pressed Ctrl-C, or another worker met what stops all."""
