"""Progress messages of components and trainer.

They use standard logging, so that components and trainer do not depend on the command line and work the same
on a cluster, where no one handles the messages.
"""

import logging

PROGRESS_LOGGER = "galmorph.progress"

WARNINGS_FILE = "warnings.txt"
"""File in a node's output ``warnings``: sentences for the command line, one per line."""

_logger = logging.getLogger(PROGRESS_LOGGER)


def send_progress(phase: str, **figures: float) -> None:
    """Log a progress message.

    Parameters
    ----------
    phase : str
        Name of the current step.
    **figures
        ``done`` (since the last message) and ``total``; or ``count`` (so far); or for training ``epoch``,
        ``epochs``, ``share`` (of the epoch), losses and metrics. They are stored in the record's ``event``.
    """
    event = {"phase": phase, **figures}
    _logger.info("%s", event, extra={"event": event})
