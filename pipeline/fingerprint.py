"""A fingerprint of our own code, so that a new version does not reuse an old version's artifacts."""

import hashlib
from pathlib import Path

_ROOT = Path(__file__).resolve().parent.parent


def code_fingerprint(*folders: str) -> str:
    """Return a fingerprint of the Python files under folders of this project.

    Parameters
    ----------
    *folders : str
        Relative to the project, such as ``"preprocessing"``.

    Returns
    -------
    str
        16 hexadecimal digits.
    """
    digest = hashlib.sha256()
    for folder in sorted(folders):
        for path in sorted((_ROOT / folder).rglob("*.py")):
            digest.update(f"{path.relative_to(_ROOT).as_posix()}\0".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
