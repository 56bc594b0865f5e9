"""What is known of a file of weights that `galmorph pretrain` has written."""

import json
from pathlib import Path
from typing import Any

from pipeline.config import Settings
from trainer.settings import ModelSettings
from trainer.weights.preflight import file_digest


def provenance_file(weights: Path) -> Path:
    """Return where it stands how weights came about."""
    return weights.with_name(f"{weights.name}.json")


def provenance(model: ModelSettings) -> dict[str, Any] | None:
    """Return how the weights that a network starts from came about.

    Parameters
    ----------
    model : ModelSettings

    Returns
    -------
    dict or None
        The content of `provenance_file`; None unless it is there, and of these weights.
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
    """Return a warning if the network starts from weights that have learned from the same galaxies.

    Parameters
    ----------
    settings : Settings
    fingerprint : str
        Of table and stamps.

    Returns
    -------
    str or None
        A sentence. Weights know the galaxies of the weights that they began with, too.
    """
    about: Any = provenance(settings.model)
    while isinstance(about, dict):
        learned = about.get("learned_from")
        # With other bands the fingerprint is another, but the galaxies are the same.
        if isinstance(learned, dict) and (
            learned.get("fingerprint") == fingerprint or learned.get("labels") == settings.data.labels
        ):
            return (
                f"[model] weights: {settings.model.weights} has learned from galaxies of this table: scores"
                " of folds and validation split are too good, and those of the test split, too, unless [data]"
                " and [split] divide the galaxies as they did then"
            )
        about = about.get("started_from")
    return None
