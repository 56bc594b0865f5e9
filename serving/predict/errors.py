"""Errors of `galmorph predict`. Each message is one line."""

from collections.abc import Sequence


class PredictError(ValueError):
    """The input or the options cannot be used."""


class ServerError(PredictError):
    """The server cannot be used, or has stopped to answer as it should. The message names its URL."""


class TemporaryError(ServerError):
    """The server may answer if it is asked again.

    Parameters
    ----------
    message : str
    wait : float
        How long the server asks to wait [s].
    """

    def __init__(self, message: str, wait: float = 0.0) -> None:
        super().__init__(message)
        self.wait = wait


class VersionGoneError(ServerError):
    """The server no longer serves the version that classified the objects before."""


class TooLargeError(ServerError):
    """The server refuses a request because of its size."""


class RefusedError(ServerError):
    """The server refuses the input of a request.

    Attributes
    ----------
    reasons : dict of int to (str, str)
        Band and reason for each object that the server names, by its position in the request; empty if the
        message names none.
    """

    def __init__(self, message: str, reasons: dict[int, tuple[str, str]]) -> None:
        super().__init__(message)
        self.reasons = reasons


class StoppedError(PredictError):
    """The user has pressed Ctrl-C; raised in threads that wait."""


def one_line(text: object, longest: int = 300) -> str:
    """Return a text as one line of limited length."""
    line = " ".join(str(text).split())
    return line if len(line) <= longest else line[: longest - 3] + "..."


def listed(names: Sequence[str], most: int = 3) -> str:
    """Return some of the names as text."""
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")
