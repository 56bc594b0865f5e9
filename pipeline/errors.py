"""Exit statuses, and the error for bad input."""

from enum import IntEnum


class ExitStatus(IntEnum):
    """What `galmorph` returns to the shell."""

    DONE = 0
    FAULT = 1
    BAD_INPUT = 2
    NOT_GOOD_ENOUGH = 3
    INTERRUPTED = 130  # what a shell returns after Ctrl-C


class InputError(Exception):
    """Bad configuration or input. The message is one line that names key, value or file."""
