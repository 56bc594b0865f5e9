"""What is known of a classification: model, input, settings, times."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from catalog.errors import CatalogError
from evaluation.formats.exported_model import EXTRA, ORIGIN_FILE
from serving.published import PublishedModel

CARD_FILE = f"{EXTRA}/model_card.md"

_SHORT = 12  # digits of the fingerprint in every row


@dataclass(frozen=True)
class Model:
    """The model that classified.

    Attributes
    ----------
    path : str
        Folder of the version.
    version : str
    fingerprint : str
        SHA-256 of its files, see `model_fingerprint`.
    description : mapping
        Contents of ``galmorph.json``.
    origin : mapping
        Contents of ``origin.json``: what the model was made of; empty if it does not say.
    card : str
        The model card in Markdown; empty if it has none.
    """

    path: str
    version: str
    fingerprint: str
    description: Mapping[str, Any]
    origin: Mapping[str, Any] = field(default_factory=dict)
    card: str = ""

    @property
    def row_version(self) -> str:
        """The content of the column ``model_version``: version, and the start of the fingerprint."""
        return f"{self.version}-{self.fingerprint[:_SHORT]}"

    @property
    def uncertain(self) -> tuple[float, float]:
        """Closed interval of probabilities that are classified as uncertain."""
        least, greatest = self.description["uncertain"]
        return least, greatest


@dataclass(frozen=True)
class About:
    """What is known of a classification.

    Attributes
    ----------
    model : Model
    input : mapping
        What was classified: template or tables, with their digests. Goes into ``lineage.json``.
    settings : mapping
        Options of the command with their values.
    command : sequence of str
        As it was typed.
    started : datetime
        With time zone.
    seconds : float
        Time of the classification [s].
    galmorph : str
        Version of this program.
    title : str
        Name of the catalogue; that of its folder if empty.
    authors : sequence of str
        Whom to cite.
    """

    model: Model
    input: Mapping[str, Any]
    settings: Mapping[str, Any]
    command: Sequence[str]
    started: datetime
    seconds: float
    galmorph: str
    title: str = ""
    authors: Sequence[str] = ()


def about_model(model: PublishedModel) -> Model:
    """Return what a published version says of itself; raise `CatalogError` if a file cannot be read."""
    path = model.path
    try:
        origin = _json(path / ORIGIN_FILE)
        card_file = path / CARD_FILE
        card = card_file.read_text(encoding="utf-8") if card_file.is_file() else ""
        fingerprint = model_fingerprint(path)
    except OSError as error:
        raise CatalogError(f"{error.filename or path} cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise CatalogError(f"{path / CARD_FILE} is damaged: {error.reason}") from error
    return Model(str(path), model.version, fingerprint, model.description, origin, card)


def model_fingerprint(folder: Path) -> str:
    """Return the SHA-256 of the files of a model.

    Parameters
    ----------
    folder : Path

    Returns
    -------
    str
        64 hexadecimal digits. It depends on the names below the folder and on the contents, but neither on
        the place of the folder nor on times. Hidden files do not count.
    """
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*"), key=lambda path: path.relative_to(folder).parts):
        name = path.relative_to(folder)
        if path.is_file() and not any(part.startswith(".") for part in name.parts):
            with open(path, "rb") as file:
                content = hashlib.file_digest(file, "sha256").hexdigest()
            digest.update(f"{content}  {name.as_posix()}\n".encode(errors="surrogateescape"))
    return digest.hexdigest()


def _json(path: Path) -> Mapping[str, Any]:
    if not path.is_file():
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise CatalogError(f"{path} is damaged: {' '.join(str(error).split())}") from error
    return content if isinstance(content, dict) else {}
