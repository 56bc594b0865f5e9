"""What a model card says of the configuration: picture, network, training, gate."""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePath
from typing import Any

import tomli_w

from preprocessing.bands import rgb_bands
from report.card.markdown import code_span
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
_TABLES = ("data", "image", "split", "model", "train", "cross_validation", "gate", "decision")
_RENAMED = {"cross_validation": "cross_validation_settings", "gate": "thresholds"}
"""In ``run.json`` results stand under the names of these two tables."""
_PATHS = ("labels", "positions", "stamps", "exclude", "corrections", "weights")


def bands_of(run: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the three bands of the picture, red first; empty where they are not known."""
    try:
        return rgb_bands(table_of(run, "image")["rgb"])
    except (KeyError, ValueError, TypeError):
        return ()


def picture_rows(run: Mapping[str, Any]) -> list[Row]:
    """Return how flux becomes the picture that the network sees."""
    bands = bands_of(run)
    colours = [("red, green, blue", ", ".join(bands))] if bands else []
    return [*colours, *_rows(table_of(run, "image"), _PICTURE), *_rows(table_of(run, "data"), _FLUX)]


def network_rows(run: Mapping[str, Any], history: Mapping[str, Any]) -> list[Row]:
    """Return what the network is and how it was trained; `history` is `Evidence.history`."""
    train = table_of(run, "train")
    phases = []
    for key, (title, phase) in _PHASES.items():
        trained = len(table_of(history, phase).get("loss") or ())
        if key == "fine_tune_epochs" and _folds_of_tops(run):
            phases.append((title, "none: the folds, of which it is made, train the head only"))
        elif key in train:
            phases.append((title, f"{trained} of at most {train[key]}" if trained else text_of(train[key])))
    folds = {"phases": "what the folds train", "publish": "model that is judged"}
    digest = table_of(run, "model").get("weights_sha256")
    if _folds_of_tops(run):
        train = {key: value for key, value in train.items() if key != "augment"}
    return [
        *_rows(with_short_paths(table_of(run, "model")), _MODEL),
        *([("SHA-256 of these weights", code_span(digest))] if digest else []),
        *phases,
        *_rows(train, _TRAIN),
        *_rows(table_of(run, "cross_validation_settings"), folds),
        ("temperature", "none" if run.get("temperature") is None else format_number(run["temperature"])),
    ]


def _folds_of_tops(run: Mapping[str, Any]) -> bool:
    """Return whether the model is made of folds that have trained the head only, on unvaried features."""
    of_folds = table_of(run, "cross_validation_settings").get("publish") in ("ensemble", "best_fold")
    # The summary says what was trained; what "auto" means is for the trainer to know.
    return of_folds and table_of(run, "cross_validation").get("phases") == "head"


def learned_from_validation(run: Mapping[str, Any]) -> bool:
    """Return whether the model has learned from the validation split, as one of the folds' or retrained."""
    return table_of(run, "cross_validation_settings").get("publish", "single") != "single"


def gate_conditions(run: Mapping[str, Any]) -> list[str]:
    """Return what the gate asks for."""
    texts = {
        "min_accuracy": "accuracy at least {}",
        "min_auc": "AUC at least {}",
        "max_accuracy_drop": "accuracy at most {} below the published model's",
        "min_galaxies": "at least {} test galaxies of each class",
    }
    asked = table_of(run, "thresholds")
    if asked.get("by") == "lower_bound":
        for key in ("min_accuracy", "min_auc"):
            texts[key] = f"lower end of the 95 % interval of {texts[key]}"
    return [text.format(text_of(asked[key])) for key, text in texts.items() if asked.get(key) is not None]


def configuration(run: Mapping[str, Any]) -> str:
    """Return the tables of the configuration as TOML; of paths only what does not depend on the machine."""
    tables = {name: with_short_paths(table_of(run, _RENAMED.get(name, name))) for name in _TABLES}
    return tomli_w.dumps({name: without_none(table) for name, table in tables.items() if table})


def table_of(content: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return a table of some content; an empty one where there is none."""
    table = content.get(name)
    return table if isinstance(table, Mapping) else {}


def _rows(table: Mapping[str, Any], titles: Mapping[str, str]) -> list[Row]:
    return [(title, text_of(table[key])) for key, title in titles.items() if table.get(key) is not None]


def text_of(value: Any) -> str:
    """Return a value of the configuration for the eye."""
    if value is None or value == "" or value == {} or value == []:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {text_of(entry)}" for key, entry in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(map(text_of, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


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


def without_none(value: Any) -> Any:
    """Return a value of the configuration without what TOML cannot say."""
    if isinstance(value, Mapping):
        return {key: without_none(entry) for key, entry in value.items() if entry is not None}
    if isinstance(value, Iterable) and not isinstance(value, str):
        return [without_none(entry) for entry in value if entry is not None]
    return value
