"""Publication of numbered versions of a model in a folder or an object store. Imports no TFX."""

import os
import shutil
import uuid
from pathlib import Path

import fsspec

from evaluation.formats.exported_model import EXTRA, SAVED_MODEL
from serving.published import WITHDRAWN, next_version, version_numbers


class PublicationError(RuntimeError):
    """An object store did not take the model; the message names the folder and the reason."""


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


def upload_model(model: Path, directory: str, *, extra: Path) -> str:
    """Publish a SavedModel in an object store as the next numbered version.

    Parameters
    ----------
    model : Path
        Folder of the SavedModel.
    directory : str
        URI of the folder of the versions, such as ``s3://bucket/models/galmorph``.
    extra : Path
        Folder whose files are published with the model, under `EXTRA`.

    Returns
    -------
    str
        URI of the new version.

    Raises
    ------
    PublicationError

    Notes
    -----
    Object stores have no rename. The first file is created only if it does not exist, so that two runs do not
    write to one version; ``saved_model.pb``, without which no server loads a version, is written last.
    """
    try:
        version = _upload(model, directory, extra)
    except Exception as error:
        raise PublicationError(f"{directory}: the model cannot be published: {error}") from error
    return f"{directory.rstrip('/')}/{version}"


def _upload(model: Path, directory: str, extra: Path) -> int:
    files = {f"{EXTRA}/{path.name}": path for path in extra.iterdir()}
    files |= {path.relative_to(model).as_posix(): path for path in model.rglob("*") if path.is_file()}
    first, *others = sorted(files, key=lambda name: (name == SAVED_MODEL, name))
    system, folder = fsspec.core.url_to_fs(directory)
    version = 1 + max(_numbers(system, folder), default=0)
    while True:
        try:
            system.pipe_file(f"{folder}/{version}/{first}", files[first].read_bytes(), mode="create")
        except FileExistsError:
            version += 1
        else:
            break
    for name in others:
        system.put_file(files[name], f"{folder}/{version}/{name}")
    return version


def _numbers(system: fsspec.AbstractFileSystem, folder: str) -> list[int]:
    """Return the numbers of all versions in an object store, withdrawn ones included."""
    try:
        found = system.ls(folder, detail=False, refresh=True)
    except FileNotFoundError:
        return []
    return version_numbers(found) + version_numbers(found, WITHDRAWN.format(version=""))
