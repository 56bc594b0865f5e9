"""A second name for a folder whose own name would be read as a pattern."""

import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.errors import InputError

_PATTERN = frozenset("[]*?\\")
_PLACES = ("/tmp", "/var/tmp")


@contextmanager
def plain_path(folder: Path) -> Iterator[Path]:
    """Give a path to a folder that holds no character of a pattern.

    TFX, Beam and TensorFlow append ``*`` to the folders of artifacts and take the whole for a pattern.
    Escaping is no way out: Beam matches the very path that it writes to.

    Parameters
    ----------
    folder : Path
        Absolute; it exists.

    Yields
    ------
    Path
        The folder itself where its path is plain. Otherwise a link to it in a private folder under ``/tmp``.
        The link is always the same for a folder, so that metadata of earlier runs stay true, and is gone
        afterwards.

    Raises
    ------
    InputError
        If such a link cannot be made.
    """
    if _PATTERN.isdisjoint(str(folder)):
        yield folder
        return
    link = _private_folder(folder) / hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
    try:
        link.unlink(missing_ok=True)  # of a run that was killed
        link.symlink_to(folder, target_is_directory=True)
    except OSError as error:
        raise InputError(_refusal(folder, f"{link} cannot be made: {error.strerror}")) from error
    try:
        yield link
    finally:
        link.unlink(missing_ok=True)


def _private_folder(folder: Path) -> Path:
    for place in _PLACES:
        private = Path(place) / f"galmorph-{os.getuid()}"
        try:
            private.mkdir(mode=0o700, exist_ok=True)
            found = private.lstat()
        except OSError:
            continue
        if stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid():
            return private
    raise InputError(_refusal(folder, f"no folder of our own can be made in {' or '.join(_PLACES)}"))


def _refusal(folder: Path, cause: str) -> str:
    return (
        f"[pipeline] root: {folder} contains one of [ ] * ? \\, for which a link with a plain name is needed:"
        f" {cause}; choose another root"
    )
