"""Atomic writing and removal of files."""

from pathlib import Path

from preprocessing import whole_files
from report.sweep.errors import SweepError


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a file as `preprocessing.whole_files.write_whole` does.

    Raises
    ------
    SweepError
        If it cannot be written.
    """
    try:
        whole_files.write_whole(path, content)
    except OSError as error:
        raise SweepError(f"{path} cannot be written: {error.strerror}") from error


def remove(path: Path) -> None:
    """Remove a file if it is there.

    Raises
    ------
    SweepError
        If it cannot be removed.
    """
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise SweepError(f"{path} cannot be removed: {error.strerror}") from error
