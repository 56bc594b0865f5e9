"""Files that are written whole or not at all."""

import os
from pathlib import Path


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
    OSError
        If it cannot be written.
    """
    part = path.with_name(f".{path.name}.part")
    path.parent.mkdir(parents=True, exist_ok=True)
    part.write_bytes(content.encode() if isinstance(content, str) else content)
    os.replace(part, path)
