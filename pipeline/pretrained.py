"""Provenance of weights that `galmorph pretrain` has written."""

import json
from pathlib import Path
from typing import Any

from pipeline.config import Settings
from trainer.settings import ModelSettings
from trainer.weights.preflight import file_digest


def provenance_file(weights: Path) -> Path:
    """Return the path of the file that records the provenance of weights."""
    return weights.with_name(f"{weights.name}.json")


def provenance(model: ModelSettings) -> dict[str, Any] | None:
    """Return the provenance of the initial weights of a network.

    Parameters
    ----------
    model : ModelSettings

    Returns
    -------
    dict or None
        The content of `provenance_file`; None if it does not exist or belongs to other weights.
    """
    if not model.weights_are_file:
        return None
    path = Path(model.weights)
    try:
        about = json.loads(provenance_file(path).read_text(encoding="utf-8"))
        digest = model.weights_sha256 or file_digest(path, "sha256")
    except (OSError, ValueError):
        return None
    return about if isinstance(about, dict) and about.get("sha256") == digest.lower() else None


def already_seen(settings: Settings, fingerprint: str) -> str | None:
    """Return a warning if the initial weights were trained on the same galaxies.

    Parameters
    ----------
    settings : Settings
    fingerprint : str
        Fingerprint of table and stamps.

    Returns
    -------
    str or None
        A sentence. The initial weights of the pretraining are checked, too.
    """
    about: Any = provenance(settings.model)
    while isinstance(about, dict):
        learned = about.get("learned_from")
        # With other bands the fingerprint differs, but the galaxies are the same.
        if isinstance(learned, dict) and (
            learned.get("fingerprint") == fingerprint or learned.get("labels") == settings.data.labels
        ):
            return (
                f"[model] weights: {settings.model.weights} was trained on galaxies of this table: scores of"
                " cross-validation and validation split are too high, and so are those of the test split"
                " unless [data] and [split] are the same as in that training"
            )
        about = about.get("started_from")
    return None
