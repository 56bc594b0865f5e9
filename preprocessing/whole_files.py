"""Write files atomically."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def part_of(path: Path) -> Path:
    """Return the name under which a file is written."""
    return path.with_name(f".{path.name}.part")


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Write a file under a temporary name, and rename it at the end of the context.

    Readers see either the old file or the new one, even if the process is killed.

    Parameters
    ----------
    path : Path
        Its folder is created if it does not exist.

    Yields
    ------
    Path
        Where to write. It is removed if the context ends with an exception.

    Raises
    ------
    OSError
        If the file cannot be written or renamed.
    """
    part = part_of(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield part
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a file atomically, as `replacing` does.

    Parameters
    ----------
    path : Path
    content : str or bytes
        Text is written in UTF-8.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    with replacing(path) as part:
        part.write_bytes(content.encode() if isinstance(content, str) else content)
