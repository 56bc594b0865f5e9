"""The evidence of a run: the files from which its report is built."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel

from evaluation.formats.columns import FormatError
from evaluation.formats.galaxies import GALAXIES, Galaxies, read_galaxies
from evaluation.formats.out_of_fold import SCORES_FILE, OutOfFold, read_scores
from evaluation.formats.predictions import PREDICTIONS, Predictions, read_predictions
from report.errors import ReportError
from report.evidence.contents import Finished, History, Ingest, Lineage, Nodes, Pictures, Run, read_content

RUN = "run.json"
HISTORY = "history.json"
LINEAGE = "lineage.json"
INGEST = "ingest.json"
NODES = "nodes.json"
CONFIGURATION = "config.toml"
FINISHED = "finished.json"
PICTURES = "pictures"
PICTURE_INDEX = "index.json"

Found = TypeVar("Found")

PRECISION = 0.99
"""Default for runs of versions without `[decision] precision`."""


@dataclass(frozen=True)
class Evidence:
    """Content of the evidence files of a run.

    Attributes
    ----------
    folder : Path
    predictions : Predictions
    run : mapping
        The content of ``run.json``.
    galaxies : Galaxies or None
    out_of_fold : OutOfFold or None
    history, lineage, ingest, pictures : mapping
        Contents of the files of that name; empty if there is none. `report.evidence.contents` has their
        schemas, and those of `run` and `nodes`.
    nodes : list of dict
        Time and memory of each node.
    configuration : str
        The text of ``config.toml``.
    finished : mapping
        Content of ``finished.json``; empty if the report is not yet in its final folder.
    problems : mapping of str to str
        A sentence for each optional file that is absent or damaged.
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
    finished: Mapping[str, Any] = field(default_factory=dict)
    problems: Mapping[str, str] = field(default_factory=dict)

    @property
    def settings(self) -> Mapping[str, Any]:
        """The tables of the configuration, as ``run.json`` has them."""
        return self.run["settings"]

    @property
    def results(self) -> Mapping[str, Any]:
        """Results in ``run.json``: gate, folds, temperature, pushed version."""
        return self.run["results"]

    @property
    def uncertain(self) -> tuple[float, float]:
        """The decision interval of the run, both ends included."""
        low, high = self.settings["decision"]["uncertain"]
        return float(low), float(high)

    @property
    def why_no_out_of_fold(self) -> str:
        """Why there are no out-of-fold predictions, as the end of a sentence; empty if there are some."""
        if self.out_of_fold:
            return ""
        problem = self.problems.get(SCORES_FILE, f"{SCORES_FILE} has no galaxies.")
        never = not self.results.get("cross_validation") and problem == _absence(SCORES_FILE)
        return "there was no cross-validation." if never else problem

    @property
    def precision(self) -> float:
        """The precision that both classes must reach with the fitted decision interval."""
        return float(self.settings["decision"].get("precision", PRECISION))


def read_evidence(folder: Path) -> Evidence:
    """Read the evidence files of a report folder.

    Parameters
    ----------
    folder : Path
        Folder with ``predictions.csv`` and ``run.json``; the other files may be absent.

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
            problems[name] = _absence(name)
            return otherwise
        try:
            return read(path)
        except (ReportError, ValueError, OSError) as error:
            # The page stands in this folder, so its path is left out of the message.
            problems[name] = f"{str(error).replace(f'{path.parent}/', '')}."
            return otherwise

    def json_of(name: str, shape: type[BaseModel], otherwise: Any) -> Any:
        return optional(name, lambda path: read_content(path, shape), otherwise)

    try:
        predictions = read_predictions(folder / PREDICTIONS)
    except FormatError as error:
        raise ReportError(str(error)) from error
    return Evidence(
        folder,
        predictions,
        read_content(folder / RUN, Run),
        optional(GALAXIES, lambda path: read_galaxies(path, predictions.names), None),
        optional(SCORES_FILE, read_scores, None),
        json_of(HISTORY, History, {}),
        json_of(LINEAGE, Lineage, {}),
        json_of(INGEST, Ingest, {}),
        json_of(f"{PICTURES}/{PICTURE_INDEX}", Pictures, {}),
        json_of(NODES, Nodes, []),
        optional(CONFIGURATION, lambda path: path.read_text(encoding="utf-8"), ""),
        json_of(FINISHED, Finished, {}) if (folder / FINISHED).is_file() else {},
        problems,
    )


def _absence(name: str) -> str:
    return f"{name} does not exist."
