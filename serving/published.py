"""Published models in a folder: their versions, and what each says about itself."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from evaluation.formats.exported_model import METADATA_FILE, SAVED_MODEL
from preprocessing.settings import ImageSettings

WITHDRAWN = "withdrawn-{version}"
"""Name of the folder of a withdrawn version. TF Serving ignores names that are no whole numbers."""


class ModelError(ValueError):
    """A published model cannot be used; the message is one line that names the folder."""


@dataclass(frozen=True)
class PublishedModel:
    """One version of a published model.

    Attributes
    ----------
    path : Path
        Folder of the SavedModel.
    version : str
        Name of that folder, a whole number for a published version.
    description : mapping
        Contents of ``assets.extra/galmorph.json``.
    """

    path: Path
    version: str
    description: Mapping[str, Any]

    @property
    def bands(self) -> tuple[str, ...]:
        """Bands of the picture, red first."""
        return tuple(self.description["bands"])

    @cached_property
    def image(self) -> ImageSettings:
        """Settings of the picture."""
        return ImageSettings(**self.description["image"])

    @property
    def uncertain(self) -> tuple[float, float]:
        """Closed interval of probabilities that are classified as uncertain."""
        least, greatest = self.description["uncertain"]
        return least, greatest


def find_model(path: Path) -> PublishedModel:
    """Return a published model.

    Parameters
    ----------
    path : Path
        Folder of a version, or the folder of the versions, of which the newest is taken.

    Returns
    -------
    PublishedModel

    Raises
    ------
    ModelError
        If there is no model, or its description cannot be read.
    """
    path = path.absolute()
    if not path.is_dir():
        raise ModelError(f"{path} is not a folder" if path.exists() else f"{path} does not exist")
    if not is_version(path):
        versions = [version for version in published_versions(path) if (path / str(version)).is_dir()]
        if not versions:
            raise ModelError(f"{path} holds neither {SAVED_MODEL} nor a published version (1, 2, 3 ...)")
        path = path / str(versions[-1])
    return read_version(path)


def is_version(path: Path) -> bool:
    """Return whether a folder is that of a version, and not of several."""
    return (path / SAVED_MODEL).is_file()


def read_version(path: Path) -> PublishedModel:
    """Return the model in the folder of a version; raise `ModelError` if it cannot be read."""
    if not is_version(path):
        raise ModelError(f"{path} is no SavedModel: it has no {SAVED_MODEL}")
    file = path / METADATA_FILE
    try:
        description = json.loads(file.read_text(encoding="utf-8"))
        model = PublishedModel(path, path.name, description)
        _ = model.bands, model.image, model.uncertain
    except OSError as error:
        reason = "is missing: it was not exported by galmorph" if not file.exists() else error.strerror
        raise ModelError(f"{file} {reason}") from error
    except (ValueError, KeyError, TypeError) as error:
        cause = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise ModelError(f"{file} is damaged: {cause}") from error
    return model


def published_versions(directory: Path) -> list[int]:
    """Return the numbers of the versions under a folder, in ascending order.

    Parameters
    ----------
    directory : Path

    Returns
    -------
    list of int
        Empty if the folder does not exist. Withdrawn versions are left out.
    """
    return _versions(directory, "")


def withdrawn_versions(directory: Path) -> list[int]:
    """Return the numbers of the withdrawn versions under a folder, in ascending order."""
    return _versions(directory, WITHDRAWN.format(version=""))


def next_version(directory: Path) -> int:
    """Return the number for the next version. That of a withdrawn version is not given again."""
    return 1 + max([*published_versions(directory), *withdrawn_versions(directory)], default=0)


def withdraw(directory: Path, version: int | None = None) -> tuple[int, int]:
    """Withdraw a version, so that servers fall back to the one before.

    Parameters
    ----------
    directory : Path
        Folder of the versions.
    version : int, optional
        The newest by default.

    Returns
    -------
    withdrawn, newest : int
        The version that was withdrawn, and the newest that is left.

    Raises
    ------
    ModelError
        If there is no such version, or none would be left to serve.

    Notes
    -----
    The folder is renamed, which is atomic, and not deleted: `restore` undoes it.
    """
    versions = published_versions(directory)
    if not versions:
        raise ModelError(f"{directory} holds no published version")
    version = versions[-1] if version is None else version
    if version not in versions:
        raise ModelError(f"{directory} holds no version {version}; there are {', '.join(map(str, versions))}")
    left = [other for other in versions if other != version]
    if not left:
        raise ModelError(f"version {version} is the only one in {directory}; a server would go on serving it")
    (directory / str(version)).rename(directory / WITHDRAWN.format(version=version))
    return version, left[-1]


def restore(directory: Path, version: int) -> None:
    """Publish a withdrawn version again, under its number; raise `ModelError` if there is none."""
    if version not in withdrawn_versions(directory):
        raise ModelError(f"{directory} holds no withdrawn version {version}")
    (directory / WITHDRAWN.format(version=version)).rename(directory / str(version))


def _versions(directory: Path, prefix: str) -> list[int]:
    if not directory.is_dir():
        return []
    return version_numbers((path.name for path in directory.iterdir()), prefix)


def version_numbers(names: Iterable[str], prefix: str = "") -> list[int]:
    """Return the numbers of versions among the names in a folder, in ascending order.

    Parameters
    ----------
    names : iterable of str
        Names, or paths of which the last part counts.
    prefix : str
        What precedes the number; empty for versions that are served.

    Returns
    -------
    list of int
    """
    last = (name.rstrip("/").rsplit("/", 1)[-1] for name in names)
    numbers = (name.removeprefix(prefix) for name in last if name.startswith(prefix))
    return sorted(int(number) for number in numbers if number.isdecimal())
