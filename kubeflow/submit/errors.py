"""What can go wrong between a pipeline file and a finished run."""


class SubmitError(ValueError):
    """Bad input, or a refusal of the server. The message is one line."""


class BusyError(SubmitError):
    """The server did not answer, or answered that it cannot at the moment; a later attempt may succeed."""


class UnreachableError(BusyError):
    """No connection could be made, so the server has not seen the request."""


class FaultError(SubmitError):
    """The server failed inside (status 500)."""


class NotFollowedError(Exception):
    """The run could not be followed to its end, and goes on without us. The message is one line."""
