"""A fingerprint of our own code, so that a new version does not reuse an old version's artifacts."""

import hashlib
from pathlib import Path

_ROOT = Path(__file__).resolve().parent.parent

_CODE = {".py", ".j2", ".css"}


def code_fingerprint(*places: str) -> str:
    """Return a fingerprint of Python files and templates of this project.

    Parameters
    ----------
    *places : str
        Folders or files, relative to the project, such as ``"preprocessing"``.

    Returns
    -------
    str
        16 hexadecimal digits.
    """
    digest = hashlib.sha256()
    for place in sorted(places):
        start = _ROOT / place
        files = [start] if start.is_file() else start.rglob("*")
        for path in sorted(path for path in files if path.suffix in _CODE):
            digest.update(f"{path.relative_to(_ROOT).as_posix()}\0".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
