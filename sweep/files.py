"""Files that are written whole or not at all, and removed."""

import os
from pathlib import Path

from sweep.errors import SweepError


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a file under another name and rename it: whoever reads, or kills us, sees the old or the new one.

    Parameters
    ----------
    path : Path
        Its folder is made where it does not exist.
    content : str or bytes
        Text is written in UTF-8.

    Raises
    ------
    SweepError
        If it cannot be written.
    """
    part = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(content.encode() if isinstance(content, str) else content)
        os.replace(part, path)
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
