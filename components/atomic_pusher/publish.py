"""Atomic publication of numbered versions of a model in a folder. Imports no TFX."""

import os
import shutil
import uuid
from pathlib import Path

from evaluation.formats.exported_model import EXTRA
from serving.published import next_version


def publish_model(model: Path, directory: Path, *, extra: Path | None = None) -> Path:
    """Publish a SavedModel atomically as the next numbered version.

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
    The copy is made under a hidden name in the same folder, flushed to disk and renamed. A model server that
    watches the folder never sees an incomplete model, even if the run is killed meanwhile.
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
            version = directory / str(next_version(directory))
            try:
                copy.rename(version)
            except OSError:
                # Another process took the number before the rename: take the next one.
                if not version.exists():
                    raise
            else:
                return version
    finally:
        shutil.rmtree(copy, ignore_errors=True)
