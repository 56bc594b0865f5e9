"""What a model card says of the configuration: picture, network, training, gate."""

import re
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

from preprocessing.bands import rgb_bands
from report.card.markdown import code_span
from report.evidence.configuration import table_of, text_of, toml_of
from report.evidence.reading import Evidence
from report.html.formats import format_number

Row = tuple[str, str]

_PICTURE = {
    "cut": "side of the square cut from the stamp's centre [pixels]",
    "size": "side of the picture [pixels]",
    "stretch": "stretch [flux units]",
    "q": "softening Q",
    "minimum": "flux that is black [flux units]",
}
_FLUX = {
    "background": "background subtracted",
    "zero_points": "zero points",
    "reference_zero_point": "reference zero point [mag]",
    "flux_factors": "factors of the flux",
}
_MODEL = {
    "backbone": "backbone",
    "weights": "weights that training began with",
    "dihedral_average": "answer averaged over the eight symmetries of the picture",
}
_TRAIN = {"labels": "labels learned", "augment": "augmentation", "seed": "seed"}
_PHASES = {
    "epochs": ("epochs of the top, on frozen features", "head"),
    "fine_tune_epochs": ("epochs of the network", "network"),
}
"""Key of ``[train]``: what it is called, and where ``history.json`` has the course of that phase."""
_PATHS = ("labels", "positions", "stamps", "exclude", "corrections", "weights")


def bands_of(settings: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the three bands of the picture, red first; empty where they are not known."""
    try:
        return rgb_bands(table_of(settings, "image")["rgb"])
    except (KeyError, ValueError, TypeError):
        return ()


def picture_rows(settings: Mapping[str, Any]) -> list[Row]:
    """Return how flux becomes the picture that the network sees."""
    bands = bands_of(settings)
    colours = [("red, green, blue", ", ".join(bands))] if bands else []
    return [
        *colours,
        *_rows(table_of(settings, "image"), _PICTURE),
        *_rows(table_of(settings, "data"), _FLUX),
    ]


def network_rows(evidence: Evidence) -> list[Row]:
    """Return what the network is and how it was trained."""
    settings, temperature = evidence.settings, evidence.results.get("temperature")
    tops = _folds_of_tops(evidence)
    train = table_of(settings, "train")
    phases = []
    for key, (title, phase) in _PHASES.items():
        trained = len(table_of(evidence.history, phase).get("loss") or ())
        if key == "fine_tune_epochs" and tops:
            phases.append((title, "none: the folds, of which it is made, train the head only"))
        elif key in train:
            phases.append((title, f"{trained} of at most {train[key]}" if trained else text_of(train[key])))
    folds = {"phases": "what the folds train", "publish": "model that is judged"}
    digest = table_of(settings, "model").get("weights_sha256")
    if tops:
        train = {key: value for key, value in train.items() if key != "augment"}
    return [
        *_rows(with_short_paths(table_of(settings, "model")), _MODEL),
        *([("SHA-256 of these weights", code_span(digest))] if digest else []),
        *phases,
        *_rows(train, _TRAIN),
        *_rows(table_of(settings, "cross_validation"), folds),
        ("temperature", "none" if temperature is None else format_number(temperature)),
    ]


def _folds_of_tops(evidence: Evidence) -> bool:
    """Return whether the model is made of folds that have trained the head only, on unvaried features."""
    of_folds = table_of(evidence.settings, "cross_validation").get("publish") in ("ensemble", "best_fold")
    # The summary says what was trained; what "auto" means is for the trainer to know.
    return of_folds and table_of(evidence.results, "cross_validation").get("phases") == "head"


def learned_from_validation(settings: Mapping[str, Any]) -> bool:
    """Return whether the model has learned from the validation split, as one of the folds' or retrained."""
    return table_of(settings, "cross_validation").get("publish", "single") != "single"


def gate_conditions(settings: Mapping[str, Any]) -> list[str]:
    """Return what the gate asks for."""
    texts = {
        "min_accuracy": "accuracy at least {}",
        "min_auc": "AUC at least {}",
        "max_accuracy_drop": "accuracy at most {} below the published model's",
        "min_galaxies": "at least {} test galaxies of each class",
    }
    asked = table_of(settings, "gate")
    if asked.get("by") == "lower_bound":
        for key in ("min_accuracy", "min_auc"):
            texts[key] = f"lower end of the 95 % interval of {texts[key]}"
    return [text.format(text_of(asked[key])) for key, text in texts.items() if asked.get(key) is not None]


def configuration(settings: Mapping[str, Any]) -> str:
    """Return the configuration as TOML; of paths only what does not depend on the machine."""
    return toml_of({name: with_short_paths(table) for name, table in settings.items()})


def _rows(table: Mapping[str, Any], titles: Mapping[str, str]) -> list[Row]:
    return [(title, text_of(table[key])) for key, title in titles.items() if table.get(key) is not None]


def with_short_paths(table: Mapping[str, Any]) -> dict[str, Any]:
    """Return a table without what its paths say of the machine.

    Of an absolute path there remain the file, or the part that holds ``{name}`` and ``{band}``.
    """
    return {key: _short_path(value) if key in _PATHS else value for key, value in table.items()}


def _short_path(path: Any) -> Any:
    if isinstance(path, list | tuple):
        return [_short_path(one) for one in path]
    if not isinstance(path, str) or not PurePath(path).is_absolute():
        return path
    parts = PurePath(path).parts
    first = next((place for place, part in enumerate(parts) if re.search(r"\{\w+\}", part)), len(parts) - 1)
    return "/".join(parts[first:])
