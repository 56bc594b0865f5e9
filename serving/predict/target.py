"""What classifies, and how stamps are read for it: a model in this process, or one behind a server."""

import hashlib
import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evaluation.formats.exported_model import METADATA_FILE, SAVED_MODEL
from preprocessing.bands import band_name, rgb_bands
from serving.predict.address import Access, Address
from serving.predict.asking import Patience, with_retries
from serving.predict.description import Description
from serving.predict.errors import PredictError, ServerError
from serving.predict.files import template_of
from serving.predict.reading import BatchReader, FilesOfStamps, FluxOfStamps
from serving.published import ModelError, PublishedModel, find_model

_FILES = (SAVED_MODEL, "variables/variables.index", METADATA_FILE)


@dataclass(frozen=True)
class Stamps:
    """What the user says of the stamps.

    Attributes
    ----------
    place : str
        A template or a folder.
    cube_bands : tuple of str
        Bands of a cube's planes; empty for those of the model, or if each band has a file.
    """

    place: str
    cube_bands: tuple[str, ...] = ()


@dataclass(frozen=True)
class Target:
    """A model, and the reader of stamps for it.

    Attributes
    ----------
    read : BatchReader
    template : str
        Path of the stamps, with ``{name}`` and ``{band}``.
    bands : tuple of str
        Red first.
    subject : dict of str to str
        What identifies the model, for the journal.
    model : dict
        What the summary says of the model.
    notices : tuple of str
        Sentences for the user.
    """

    read: BatchReader
    template: str
    bands: tuple[str, ...]
    subject: dict[str, str]
    model: dict[str, Any]
    notices: tuple[str, ...] = ()


def published(path: Path) -> PublishedModel:
    """Return the model in a folder; raise `PredictError` if there is none."""
    try:
        return find_model(path)
    except ModelError as error:
        raise PredictError(str(error)) from error


def local_target(model: PublishedModel, stamps: Stamps) -> Target:
    """Return what is needed to use a model in this process.

    Parameters
    ----------
    model : PublishedModel
    stamps : Stamps

    Raises
    ------
    PredictError
        If its description or the template cannot be used.
    """
    description = Description.of(model.description, str(model.path / METADATA_FILE))
    digest = hashlib.sha256()
    for name in _FILES:
        path = model.path / name
        digest.update(path.read_bytes() if path.is_file() else b"")
    subject = {
        "model": f"{model.path} sha256:{digest.hexdigest()}",
        "model version": model.version,
    }
    return _described(description, stamps, subject, {"path": str(model.path)})


def server_target(
    server: Any,
    address: Address,
    stamps: Stamps,
    *,
    model: Path | None,
    bands: str | None,
    earlier: Mapping[str, Any],
    patience: Patience,
) -> Target:
    """Return what is needed to use a model behind a server, and pin its version.

    Parameters
    ----------
    server : RestClassifier or GrpcClassifier
        Its ``version`` is set to the newest that can be used, unless the address names one, or an earlier
        call that is continued used another that is still there.
    address : Address
    stamps : Stamps
    model : Path or None
        Folder of the model, for its description.
    bands : str or None
        Bands of the model, if it has no description: FITS files are then sent as they are.
    earlier : mapping
        Subject of the journal that is continued; may be empty.
    patience : Patience

    Raises
    ------
    PredictError
        If the server or the template cannot be used, or the bands are unknown.
    """
    stop = threading.Event()
    available = with_retries(server.versions, patience, stop)
    server.version = str(_version(address, available, earlier.get("model version")))
    given = published(model) if model is not None else None
    content, source = (given.description, str(given.path / METADATA_FILE)) if given else (None, "")
    if content is None and not address.is_grpc:
        content, source = with_retries(server.description, patience, stop), f"{address}"
    notices: tuple[str, ...] = ()
    if given and given.version != server.version:
        notices += (
            f"stamps are read by the rules of version {given.version} in {given.path}, and the server has"
            f" version {server.version}",
        )
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    subject = {
        "model": f"{address.name} at {address} sha256:{digest}",
        "model version": server.version,
    }
    summary = {"url": str(address), "name": address.name}
    if content is not None:
        description = Description.of(content, source)
        if bands is not None and (wanted := _bands(bands)) != description.bands:
            raise PredictError(
                f"--bands {','.join(wanted)}: the model takes {','.join(description.bands)}, red first"
            )
        return _described(description, stamps, subject, summary, notices)
    if bands is None:
        raise PredictError(
            f"{address} does not say which bands its model takes; give --model with the model's folder"
            " (stamps are then read here by the model's rules), or --bands, red first (files are then sent as"
            " they are)"
        )
    if stamps.cube_bands:
        raise PredictError("--cube-bands needs --model: the server itself does not read cubes")
    names = _bands(bands)
    template = template_of(stamps.place, names, cubes=False)
    return Target(FilesOfStamps(template, names), template, names, subject, summary, notices)


def connect(address: Address, access: Access, concurrency: int) -> Any:
    """Return the classifier for an address."""
    if address.is_grpc:
        from serving.predict.grpc_client import GrpcClassifier

        return GrpcClassifier(address, access)
    from serving.predict.rest import RestClassifier

    return RestClassifier(address, access, concurrency)


def _described(
    description: Description,
    stamps: Stamps,
    subject: dict[str, str],
    model: dict[str, Any],
    notices: tuple[str, ...] = (),
) -> Target:
    cube_bands = description.planes_of_cubes(stamps.cube_bands, one_file_per_band="{band}" in stamps.place)
    template = template_of(stamps.place, description.bands, cubes=bool(cube_bands))
    read = FluxOfStamps(description.reader(template, cube_bands), description.training)
    notices += description.notices
    return Target(read, template, description.bands, subject, model, notices)


def _version(address: Address, available: Sequence[int], earlier: Any) -> int:
    if not available:
        raise ServerError(f"{address} has no version of {address.name!r} that is ready")
    if address.version is not None:
        if address.version not in available:
            there = ", ".join(map(str, available))
            raise ServerError(
                f"{address} has no version {address.version} of {address.name!r}; it has {there}"
            )
        return address.version
    return next((version for version in available if str(version) == earlier), available[-1])


def _bands(text: str) -> tuple[str, ...]:
    try:
        return rgb_bands(text)
    except ValueError as error:
        raise PredictError(f"--bands: {error}") from error


def cube_bands_in(text: str | None) -> tuple[str, ...]:
    """Return the bands in the option ``--cube-bands``; raise `PredictError` if they are no bands."""
    try:
        names = tuple(band_name(band) for band in (text or "").replace(",", " ").split())
    except ValueError as error:
        raise PredictError(f"--cube-bands: {error}; write them with commas, such as G,R,I") from error
    if text is not None and not names:
        raise PredictError("--cube-bands is empty")
    if len(set(names)) != len(names):
        raise PredictError(f"--cube-bands {text!r} names a band twice")
    return names
