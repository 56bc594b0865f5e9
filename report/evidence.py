"""The evidence of a run: the files that its report is made of."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from evaluation.out_of_fold import SCORES_FILE, OutOfFold, read_scores
from report.errors import ReportError
from report.galaxies import GALAXIES, Galaxies, read_galaxies
from report.predictions import PREDICTIONS, Predictions, read_predictions

RUN = "run.json"
HISTORY = "history.json"
LINEAGE = "lineage.json"
INGEST = "ingest.json"
NODES = "nodes.json"
CONFIGURATION = "config.toml"
PICTURES = "pictures"
PICTURE_INDEX = "index.json"

_REQUIRED = ("name", "decision", "gate")

Found = TypeVar("Found")

PRECISION = 0.99
"""Where a run does not say, as those before there was `[decision] precision`."""


@dataclass(frozen=True)
class Evidence:
    """What is known of a run.

    Attributes
    ----------
    folder : Path
    predictions : Predictions
    run : mapping
        The content of ``run.json``.
    galaxies : Galaxies or None
    out_of_fold : OutOfFold or None
    history, lineage, ingest, pictures : mapping
        The contents of the files of that name; empty where there is none.
    nodes : list of dict
        Time and memory of each node.
    configuration : str
        The text of ``config.toml``.
    problems : mapping of str to str
        For each optional file that is absent or damaged: a sentence that says so.
    """

    folder: Path
    predictions: Predictions
    run: Mapping[str, Any]
    galaxies: Galaxies | None = None
    out_of_fold: OutOfFold | None = None
    history: Mapping[str, Any] = field(default_factory=dict)
    lineage: Mapping[str, Any] = field(default_factory=dict)
    ingest: Mapping[str, Any] = field(default_factory=dict)
    pictures: Mapping[str, Any] = field(default_factory=dict)
    nodes: list[dict[str, Any]] = field(default_factory=list)
    configuration: str = ""
    problems: Mapping[str, str] = field(default_factory=dict)

    @property
    def uncertain(self) -> tuple[float, float]:
        """The probabilities that the run calls uncertain, both ends included."""
        low, high = self.run["decision"]["uncertain"]
        return float(low), float(high)

    @property
    def precision(self) -> float:
        """The precision of both classes that another interval is asked to give."""
        return float(self.run["decision"].get("precision", PRECISION))


def read_evidence(folder: Path) -> Evidence:
    """Read the evidence files of a report folder.

    Parameters
    ----------
    folder : Path
        With ``predictions.csv`` and ``run.json``; the other files may be absent.

    Returns
    -------
    Evidence

    Raises
    ------
    ReportError
        If one of the two files is absent or damaged.
    """
    problems: dict[str, str] = {}

    def optional(name: str, read: Callable[[Path], Found], otherwise: Found) -> Found:
        path = folder / name
        if not path.is_file():
            problems[name] = f"{name} is not there."
            return otherwise
        try:
            return read(path)
        except (ReportError, ValueError, OSError) as error:
            # The reader's name of the folder tells the reader of the page nothing.
            problems[name] = f"{str(error).replace(f'{path.parent}/', '')}."
            return otherwise

    predictions = read_predictions(folder / PREDICTIONS)
    return Evidence(
        folder,
        predictions,
        _run(folder / RUN),
        optional(GALAXIES, lambda path: read_galaxies(path, predictions.names), None),
        optional(SCORES_FILE, read_scores, None),
        optional(HISTORY, _object, {}),
        optional(LINEAGE, _object, {}),
        optional(INGEST, _object, {}),
        optional(f"{PICTURES}/{PICTURE_INDEX}", _object, {}),
        optional(NODES, _objects, []),
        optional(CONFIGURATION, lambda path: path.read_text(encoding="utf-8"), ""),
        problems,
    )


def _run(path: Path) -> dict[str, Any]:
    run = _object(path)
    for key in _REQUIRED:
        if key not in run:
            raise ReportError(f"{path} is damaged: there is no {key}")
    try:
        low, high = map(float, run["decision"]["uncertain"])
    except (TypeError, ValueError, KeyError) as error:
        raise ReportError(f"{path} is damaged: decision.uncertain is no pair of numbers") from error
    if not 0 <= low <= high <= 1:
        raise ReportError(f"{path} is damaged: decision.uncertain is {low:g} to {high:g}")
    if not isinstance(run["gate"], dict) or "blessed" not in run["gate"]:
        raise ReportError(f"{path} is damaged: the gate has no verdict")
    return run


def _object(path: Path) -> dict[str, Any]:
    content = _json(path)
    if not isinstance(content, dict):
        raise ReportError(f"{path} is damaged: it holds no object")
    return content


def _objects(path: Path) -> list[dict[str, Any]]:
    content = _json(path)
    if not isinstance(content, list) or not all(isinstance(entry, dict) for entry in content):
        raise ReportError(f"{path} is damaged: it holds no list of objects")
    return content


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ReportError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise ReportError(f"{path} is damaged: {error}") from error
