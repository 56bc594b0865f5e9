"""Send a model to workers that do not reach its folder: as an archive in the work folder."""

import atexit
import shutil
import tempfile
import threading
import zipfile
from dataclasses import replace
from pathlib import Path

from catalog.classifier import ModelSpec
from catalog.store import Store

FOLDER = "model"
"""Where the archive lies in the work folder."""

_LOCK = threading.Lock()
_UNPACKED: dict[str, str] = {}  # folder by archive, of this process


def ship(spec: ModelSpec, store: Store, fingerprint: str) -> ModelSpec:
    """Copy a model to the work folder, unless it is there.

    Parameters
    ----------
    spec : ModelSpec
    store : Store
        Work folder.
    fingerprint : str
        Of the model.

    Returns
    -------
    ModelSpec
        With the archive.

    Raises
    ------
    CatalogError
        If a file cannot be read or written.
    """
    name = f"{FOLDER}/{fingerprint[:16]}.zip"
    if not store.exists(name):
        folder = Path(spec.path)
        # Weights hardly shrink. Files of reproducible images may be older than 1980.
        with (
            store.writing(name) as stream,
            zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED, strict_timestamps=False) as archive,
        ):
            for path in sorted(folder.rglob("*")):
                archive.write(path, f"{folder.name}/{path.relative_to(folder)}")
    return replace(spec, archive=f"{store.place}/{name}")


def unpacked(spec: ModelSpec) -> ModelSpec:
    """Return a model with a folder of this machine: its own, or one with the content of its archive.

    Parameters
    ----------
    spec : ModelSpec

    Returns
    -------
    ModelSpec
        Without an archive.

    Raises
    ------
    CatalogError
        If the archive is missing or damaged.

    Notes
    -----
    An archive is unpacked once for each process, to the folder of temporary files, and removed at the end.
    """
    if not spec.archive:
        return spec
    with _LOCK:
        if spec.archive not in _UNPACKED:
            _UNPACKED[spec.archive] = _unpack(spec.archive)
        return replace(spec, path=f"{_UNPACKED[spec.archive]}/{Path(spec.path).name}", archive="")


def _unpack(archive: str) -> str:
    place, _, name = archive.rpartition("/")
    folder = tempfile.mkdtemp(prefix="galmorph-model-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    with Store(place).open(name) as stream, zipfile.ZipFile(stream) as content:
        content.extractall(folder)
    return folder
