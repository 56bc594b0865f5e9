"""Files that are written whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Write a file under another name, which is renamed at the end of the context.

    Whoever reads meanwhile, or after the process was killed, sees the old file or the new one.

    Parameters
    ----------
    path : Path
        Its folder is made where it does not exist.

    Yields
    ------
    Path
        Where to write. It is removed where the context ends with an exception.

    Raises
    ------
    OSError
        If the file cannot be written or renamed.
    """
    part = path.with_name(f".{path.name}.part")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield part
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a file as `replacing` does.

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
