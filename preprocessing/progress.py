"""Tell whoever listens how far something has come.

Standard logging, so that components and trainer need not know the command line, and work the same on a
cluster, where nobody listens.
"""

import logging

PROGRESS_LOGGER = "galmorph.progress"

WARNINGS_FILE = "warnings.txt"
"""Under a node's output ``warnings``: sentences that the command line shows, one a line."""

_logger = logging.getLogger(PROGRESS_LOGGER)


def send_progress(phase: str, **figures: float) -> None:
    """Log a step of progress.

    Parameters
    ----------
    phase : str
        What is being done.
    **figures
        ``done`` (since the last report) and ``total``; or ``count`` (so far); or for training ``epoch``,
        ``epochs``, ``share`` (of the epoch), and losses and metrics. They travel in the record's ``event``.
    """
    event = {"phase": phase, **figures}
    _logger.info("%s", event, extra={"event": event})
