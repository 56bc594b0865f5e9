"""A link without wildcard characters to a folder whose own path has some."""

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
    """Yield a path of a folder that holds no wildcard characters.

    TFX, Beam and TensorFlow append ``*`` to the folders of artifacts and use the result as a pattern.
    Escaping does not help, because Beam matches the same path that it writes to.

    Parameters
    ----------
    folder : Path
        Absolute; it exists.

    Yields
    ------
    Path
        The folder itself if its path has no wildcard characters, otherwise a link to it in a private folder
        under ``/tmp``. A folder always gets the same link, so that the metadata of earlier runs stay valid.
        The link is removed afterwards.

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
        link.unlink(missing_ok=True)  # left behind by a killed run
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
    raise InputError(_refusal(folder, f"no private folder can be made in {' or '.join(_PLACES)}"))


def _refusal(folder: Path, cause: str) -> str:
    return (
        f"[pipeline] root: {folder} contains one of [ ] * ? \\ and so needs a link with a plain name, but"
        f" {cause}; choose another root"
    )
