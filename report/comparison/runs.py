"""The runs that are compared."""

import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from report.card.settings import table_of, text_of
from report.errors import ReportError
from report.run.evidence import Evidence, read_evidence
from report.run.folders import report_folder
from report.run.numbers import run_numbers

MOST_RUNS = len(string.ascii_uppercase)

SETTINGS = ("data", "image", "split", "model", "train", "cross_validation_settings", "thresholds", "decision")
"""Tables of ``run.json`` that are compared key by key."""


@dataclass(frozen=True)
class Run:
    """A run.

    Attributes
    ----------
    letter : str
        What it is called here: A is the first.
    path : Path
        As it was named.
    evidence : Evidence
    numbers : mapping
        See `report.run.numbers.run_numbers`.
    """

    letter: str
    path: Path
    evidence: Evidence
    numbers: Mapping[str, Any]

    @property
    def name(self) -> str:
        """Name of the pipeline."""
        return str(self.evidence.run["name"])


def read_runs(paths: Sequence[Path]) -> list[Run]:
    """Read the runs that are to be compared.

    Parameters
    ----------
    paths : sequence of Path
        See `report.run.folders.report_folder`.

    Returns
    -------
    list of Run

    Raises
    ------
    ReportError
        If there are fewer than two, one is there twice, or one cannot be read.
    """
    if len(paths) < 2:
        raise ReportError("a comparison needs two runs or more")
    if len(paths) > MOST_RUNS:
        raise ReportError(f"{len(paths)} runs are more than the {MOST_RUNS} that can be compared at once")
    folders = [report_folder(path) for path in paths]
    for place, folder in enumerate(folders):
        earlier = [
            path for path, other in zip(paths, folders[:place], strict=False) if other.samefile(folder)
        ]
        if earlier:
            same = "the same run twice" if earlier[0] == paths[place] else f"the same run as {earlier[0]}"
            raise ReportError(f"{paths[place]} is {same}")
    runs = []
    for letter, path, folder in zip(string.ascii_uppercase, paths, folders, strict=False):
        evidence = read_evidence(folder)
        runs.append(Run(letter, path, evidence, run_numbers(evidence)))
    return runs


def setting_rows(runs: Sequence[Run]) -> list[tuple[str, list[str]]]:
    """Return the settings in which runs differ.

    Parameters
    ----------
    runs : sequence of Run

    Returns
    -------
    list of (str, list of str)
        Key, and its value in each run; a key that a run does not have is ``not set``.
    """
    flat = [_flat(run.evidence.run) for run in runs]
    rows = [
        (key, [one.get(key, "not set") for one in flat]) for key in dict.fromkeys(k for f in flat for k in f)
    ]
    return [(key, values) for key, values in rows if len(set(values)) > 1]


def _flat(run: Mapping[str, Any]) -> dict[str, str]:
    named = {"cross_validation_settings": "cross_validation", "thresholds": "gate"}
    flat = {
        f"{named.get(table, table)}.{key}": text_of(value)
        for table in SETTINGS
        for key, value in table_of(run, table).items()
    }
    alone = {name: text_of(run.get(name)) for name in ("temperature", "fingerprint")}
    versions = {f"version of {name}": text_of(value) for name, value in table_of(run, "versions").items()}
    return flat | alone | versions
