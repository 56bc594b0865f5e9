"""Numbered versions of a model in a folder, each published in one step. Imports no TFX."""

import os
import shutil
import uuid
from pathlib import Path

EXTRA = "assets.extra"
"""Where TensorFlow leaves room in a SavedModel for files that are not its own."""


def publish_model(model: Path, directory: Path, *, extra: Path | None = None) -> Path:
    """Publish a SavedModel as the next numbered version, all at once.

    Parameters
    ----------
    model : Path
        Folder of the SavedModel.
    directory : Path
        Folder of the versions 1, 2, 3 ...
    extra : Path, optional
        Folder whose files are published with the model, under `EXTRA`.

    Returns
    -------
    Path
        Folder of the new version.

    Notes
    -----
    The copy is made under a hidden name in the same folder, flushed to disk, and renamed: a model server
    that watches the folder, or a run killed halfway, never shows half a model.
    """
    directory.mkdir(parents=True, exist_ok=True)
    copy = directory / f".incoming-{uuid.uuid4().hex}"
    try:
        shutil.copytree(model, copy)
        if extra is not None:
            shutil.copytree(extra, copy / EXTRA, dirs_exist_ok=True)
        for path in copy.rglob("*"):
            if path.is_file():
                with open(path, "rb") as stream:
                    os.fsync(stream.fileno())
        while True:
            version = directory / str(1 + max(published_versions(directory), default=0))
            try:
                copy.rename(version)
            except OSError:
                # Somebody else took the number between the look and the rename: take the next.
                if not version.exists():
                    raise
            else:
                return version
    finally:
        shutil.rmtree(copy, ignore_errors=True)


def published_versions(directory: Path) -> list[int]:
    """Return the numbers of the versions under a folder, in ascending order.

    Parameters
    ----------
    directory : Path

    Returns
    -------
    list of int
        Empty if the folder does not exist.
    """
    if not directory.is_dir():
        return []
    return sorted(int(path.name) for path in directory.iterdir() if path.name.isdecimal())
