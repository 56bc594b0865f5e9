"""Events that a running pipeline sends to the command line: JSON lines through a pipe."""

import json
import logging
from dataclasses import asdict, dataclass, field
from typing import IO, Any


@dataclass(frozen=True)
class JobEvent:
    """The process started its next pipeline; the following events belong to it.

    Attributes
    ----------
    number : int
        From 0.
    """

    number: int


@dataclass(frozen=True)
class NodeEvent:
    """A node of the pipeline changed its state.

    Attributes
    ----------
    node : str
    state : str
        ``running``, ``done``, ``cached`` (a cache hit), ``skipped`` (a Pusher whose model was refused) or
        ``failed``.
    seconds : float
        Since it started.
    outputs : dict of str to str
        Paths of its artifacts by output, if it is ``done``, ``cached`` or ``skipped``.
    memory : int or None
        The largest memory of its process while it ran [bytes].
    """

    node: str
    state: str
    seconds: float = 0.0
    outputs: dict[str, str] = field(default_factory=dict)
    memory: int | None = None


@dataclass(frozen=True)
class FailureEvent:
    """The pipeline failed.

    Attributes
    ----------
    message : str
        One line.
    input : bool
        Whether the input is the cause, not a fault of the program.
    """

    message: str
    input: bool


@dataclass(frozen=True)
class ProgressEvent:
    """Progress within a node.

    Attributes
    ----------
    figures : dict
        ``phase``, and numbers that belong to it.
    """

    figures: dict[str, Any]


Event = JobEvent | NodeEvent | FailureEvent | ProgressEvent
_KINDS = {kind.__name__: kind for kind in (JobEvent, NodeEvent, FailureEvent, ProgressEvent)}


def write_event(stream: IO[str], event: Event) -> None:
    """Write an event as a line of JSON; a closed pipe is ignored."""
    try:
        stream.write(json.dumps({"kind": type(event).__name__, **asdict(event)}) + "\n")
        stream.flush()
    except BrokenPipeError:
        pass


def read_event(line: str) -> Event:
    """Return the event of a line."""
    fields = json.loads(line)
    return _KINDS[fields.pop("kind")](**fields)


class ProgressHandler(logging.Handler):
    """Turns records of `preprocessing.progress` into lines of a stream."""

    def __init__(self, stream: IO[str]) -> None:
        super().__init__(logging.INFO)
        self._stream = stream

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record's event."""
        figures = getattr(record, "event", None)
        if figures is not None:
            write_event(self._stream, ProgressEvent(figures))
