"""Settings on the model card: picture, network, training, gate."""

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
    "minimum": "flux shown as black [flux units]",
}
_FLUX = {
    "background": "background subtracted",
    "zero_points": "zero points",
    "reference_zero_point": "reference zero point [mag]",
    "flux_factors": "factors of the flux",
}
_MODEL = {
    "backbone": "backbone",
    "weights": "initial weights",
    "dihedral_average": "output averaged over the eight symmetries of the picture",
}
_TRAIN = {"labels": "training labels", "augment": "augmentation", "seed": "seed"}
_PHASES = {
    "epochs": ("epochs of the classifier head, on frozen features", "head"),
    "fine_tune_epochs": ("epochs of fine-tuning", "network"),
}
"""For each key of ``[train]`` its title, and the key of that phase's history in ``history.json``."""
_PATHS = ("labels", "positions", "stamps", "exclude", "corrections", "weights")


def bands_of(settings: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the three bands of the picture, red first; empty if they are not known."""
    try:
        return rgb_bands(table_of(settings, "image")["rgb"])
    except (KeyError, ValueError, TypeError):
        return ()


def picture_rows(settings: Mapping[str, Any]) -> list[Row]:
    """Return the settings that turn flux into the picture that the network sees."""
    bands = bands_of(settings)
    colours = [("red, green, blue", ", ".join(bands))] if bands else []
    return [
        *colours,
        *_rows(table_of(settings, "image"), _PICTURE),
        *_rows(table_of(settings, "data"), _FLUX),
    ]


def network_rows(evidence: Evidence) -> list[Row]:
    """Return the settings of the network and its training."""
    settings, temperature = evidence.settings, evidence.results.get("temperature")
    heads_only = _folds_of_heads(evidence)
    train = table_of(settings, "train")
    phases = []
    for key, (title, phase) in _PHASES.items():
        trained = len(table_of(evidence.history, phase).get("loss") or ())
        if key == "fine_tune_epochs" and heads_only:
            phases.append((title, "none: the model is made of folds that train only the classifier head"))
        elif key in train:
            phases.append((title, f"{trained} of at most {train[key]}" if trained else text_of(train[key])))
    folds = {"phases": "phases trained in the folds", "publish": "model evaluated and published"}
    digest = table_of(settings, "model").get("weights_sha256")
    if heads_only:
        train = {key: value for key, value in train.items() if key != "augment"}
    return [
        *_rows(with_short_paths(table_of(settings, "model")), _MODEL),
        *([("SHA-256 of the initial weights", code_span(digest))] if digest else []),
        *phases,
        *_rows(train, _TRAIN),
        *_rows(table_of(settings, "cross_validation"), folds),
        ("temperature", "none" if temperature is None else format_number(temperature)),
    ]


def _folds_of_heads(evidence: Evidence) -> bool:
    """Return whether the model is made of folds that train only the classifier head, without augmentation."""
    of_folds = table_of(evidence.settings, "cross_validation").get("publish") in ("ensemble", "best_fold")
    # Not from the settings: "auto" is resolved by the trainer.
    return of_folds and table_of(evidence.results, "cross_validation").get("phases") == "head"


def learned_from_validation(settings: Mapping[str, Any]) -> bool:
    """Return whether the model was also trained on the validation split: made of folds, or retrained."""
    return table_of(settings, "cross_validation").get("publish", "single") != "single"


def gate_conditions(settings: Mapping[str, Any]) -> list[str]:
    """Return the conditions of the gate."""
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
    """Return the configuration as TOML, with shortened paths."""
    return toml_of({name: with_short_paths(table) for name, table in settings.items()})


def _rows(table: Mapping[str, Any], titles: Mapping[str, str]) -> list[Row]:
    return [(title, text_of(table[key])) for key, title in titles.items() if table.get(key) is not None]


def with_short_paths(table: Mapping[str, Any]) -> dict[str, Any]:
    """Return a table with shortened paths, so that they do not reveal the machine.

    An absolute path is reduced to its file name, or to the part from the first ``{name}`` or ``{band}`` on.
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
