"""The published model that a candidate must beat, in a folder or an object store."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import fsspec

from evaluation.formats.exported_model import METADATA_FILE, ORIGIN_FILE, SAVED_MODEL
from kubeflow.run_parameters import NEWEST, NO_BASELINE
from pipeline.config import Settings
from pipeline.errors import InputError
from pipeline.preflight import check_comparable
from preprocessing.locations import Remote, is_uri
from preprocessing.storage_errors import StorageError, meaning_of
from serving.published import version_numbers

_STATE = (METADATA_FILE, ORIGIN_FILE, "fingerprint.pb", SAVED_MODEL)


def find_incumbent(baseline: str, directory: str, candidate_id: str) -> dict[str, str]:
    """Return the published model with which a candidate is compared.

    Parameters
    ----------
    baseline : str
        `NEWEST`, `NO_BASELINE`, or the folder of a version.
    directory : str
        Folder or URI of the numbered versions.
    candidate_id : str
        Versions made of the same data, settings and code are the candidate itself and are passed over. So an
        unchanged run finds the same model as the run before, and every node is a cache hit.

    Returns
    -------
    dict of str
        ``path`` of the version and ``state``, which changes with its contents; empty if there is none.

    Raises
    ------
    InputError
        If `baseline` is no exported model.
    StorageError
        If the object store cannot be read, or has no such bucket: the model could not be published, either.
    """
    if baseline == NO_BASELINE:
        return {}
    with _readable(directory if baseline == NEWEST else baseline):
        return _found(baseline, directory, candidate_id)


def check_incumbent(incumbent: Mapping[str, str], settings: Settings) -> None:
    """Refuse a run whose Examples the published model cannot read, before anything is trained.

    Parameters
    ----------
    incumbent : mapping
        Result of `find_incumbent`.
    settings : Settings

    Raises
    ------
    InputError
    """
    if not incumbent:
        return
    file = f"{incumbent['path']}/{METADATA_FILE}"
    with _readable(file):
        system, path = fsspec.core.url_to_fs(file)
        if system.exists(path):
            check_comparable(system.cat_file(path), incumbent["path"], file, settings)


def _found(baseline: str, directory: str, candidate_id: str) -> dict[str, str]:
    if baseline != NEWEST:
        system, path = fsspec.core.url_to_fs(baseline)
        if not system.exists(f"{path}/{SAVED_MODEL}"):
            raise InputError(f"baseline = {baseline!r} is no published model: it has no {SAVED_MODEL}")
        return {"path": baseline, "state": _state(system, path)}
    system, folder = fsspec.core.url_to_fs(directory)
    for version in reversed(_versions(system, folder)):
        path = f"{folder}/{version}"
        if system.exists(f"{path}/{SAVED_MODEL}") and _origin(system, path) != candidate_id:
            return {"path": f"{directory.rstrip('/')}/{version}", "state": _state(system, path)}
    return {}


@contextmanager
def _readable(folder: str) -> Iterator[None]:
    """Raise `StorageError` with a reason if an object store cannot be read."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        meaning = meaning_of(Remote(folder), error) if is_uri(folder) else None
        if isinstance(meaning, StorageError):
            raise meaning from error
        raise


def _versions(system: fsspec.AbstractFileSystem, folder: str) -> list[int]:
    try:
        found = system.ls(folder, detail=False, refresh=True)
    except FileNotFoundError as error:
        if isinstance(meaning_of(Remote(folder), error), StorageError):
            raise  # the bucket does not exist
        return []
    return version_numbers(found)


def _origin(system: fsspec.AbstractFileSystem, path: str) -> Any:
    """Return what a version was made of; None for versions of before."""
    try:
        return json.loads(system.cat_file(f"{path}/{ORIGIN_FILE}")).get("candidate")
    except (FileNotFoundError, ValueError, AttributeError):
        return None


def _state(system: fsspec.AbstractFileSystem, path: str) -> str:
    digest = hashlib.sha256()
    for name in _STATE:
        file = f"{path}/{name}"
        digest.update(system.cat_file(file) if system.exists(file) else b"")
    return digest.hexdigest()[:16]
