"""The runs that are compared."""

import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from report.errors import ReportError
from report.evidence.configuration import table_of, text_of
from report.evidence.folders import report_folder
from report.evidence.reading import Evidence, read_evidence
from report.topics.numbers import run_numbers

MOST_RUNS = len(string.ascii_uppercase)


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
        See `report.topics.numbers.run_numbers`.
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
        See `report.evidence.folders.report_folder`.

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
    flat = [_flat(run.evidence) for run in runs]
    rows = [
        (key, [one.get(key, "not set") for one in flat]) for key in dict.fromkeys(k for f in flat for k in f)
    ]
    return [(key, values) for key, values in rows if len(set(values)) > 1]


def _flat(evidence: Evidence) -> dict[str, str]:
    flat = {
        f"{name}.{key}": text_of(value)
        for name in evidence.settings
        for key, value in table_of(evidence.settings, name).items()
    }
    alone = {
        "temperature": text_of(evidence.results.get("temperature")),
        "fingerprint": text_of(evidence.run.get("fingerprint")),
    }
    found = table_of(evidence.run, "versions")
    versions = {f"version of {name}": text_of(value) for name, value in found.items()}
    return flat | alone | versions
