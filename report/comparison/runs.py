"""The runs that are compared."""

import string
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from report.errors import ReportError
from report.evidence.configuration import table_of, text_of
from report.evidence.folders import report_folder, report_time, reports_of, root_of
from report.evidence.reading import Evidence, read_evidence
from report.topics.numbers import run_numbers

MOST_RUNS = len(string.ascii_uppercase)
_MOST_NAMED = 3


@dataclass(frozen=True)
class Run:
    """A run.

    Attributes
    ----------
    letter : str
        Name in the comparison: A is the first run.
    path : str
        Path as given, with the run's time if runs of one root are compared.
    evidence : Evidence
    numbers : mapping
        See `report.topics.numbers.run_numbers`.
    differs : str
        Settings that differ between the runs, with this run's values: ``image.stretch = 5``.
    """

    letter: str
    path: str
    evidence: Evidence
    numbers: Mapping[str, Any]
    differs: str = ""

    @property
    def name(self) -> str:
        """Name of the pipeline."""
        return str(self.evidence.run["name"])


def read_runs(paths: Sequence[Path]) -> list[Run]:
    """Read the runs to compare.

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
        If there are fewer than two runs, a run is given twice, or one cannot be read.
    """
    if len(paths) < 2:
        raise ReportError(f"a comparison needs two runs or more{_others(paths)}")
    if len(paths) > MOST_RUNS:
        raise ReportError(f"cannot compare {len(paths)} runs at once: the limit is {MOST_RUNS}")
    folders = [report_folder(path) for path in paths]
    for place, folder in enumerate(folders):
        earlier = [
            path for path, other in zip(paths, folders[:place], strict=False) if other.samefile(folder)
        ]
        if earlier:
            same = "the same run twice" if earlier[0] == paths[place] else f"the same run as {earlier[0]}"
            raise ReportError(f"{paths[place]} is {same}")
    runs = []
    roots = Counter(map(root_of, folders))
    for letter, path, folder in zip(string.ascii_uppercase, paths, folders, strict=False):
        evidence = read_evidence(folder)
        root = root_of(folder)
        name = f"{path}@{report_time(folder)}" if roots[root] > 1 and path == root else str(path)
        runs.append(Run(letter, name, evidence, run_numbers(evidence)))
    return _with_differences(runs)


def _others(paths: Sequence[Path]) -> str:
    """Return a hint that lists the runs of the given root, with a command that compares two of them."""
    times = list(reports_of(paths[0])) if paths else []
    if len(times) < 2:
        return ""
    command = f"galmorph compare {paths[0]}@{times[-2]} {paths[0]}"
    return f"; {paths[0]} has the runs {', '.join(times)}, compare two of them by: {command}"


def _with_differences(runs: Sequence[Run]) -> list[Run]:
    """Add to each run its values of the settings that differ between the runs."""
    tables = {name for run in runs for name in run.evidence.settings}
    rows = [(key, values) for key, values in setting_rows(runs) if key.partition(".")[0] in tables]
    named = []
    for place, run in enumerate(runs):
        shown = [f"{key} = {values[place]}" for key, values in rows[:_MOST_NAMED]]
        more = len(rows) - len(shown)
        named.append(replace(run, differs=", ".join([*shown, *([f"and {more} more"] if more > 0 else [])])))
    return named


def setting_rows(runs: Sequence[Run]) -> list[tuple[str, list[str]]]:
    """Return the settings in which runs differ.

    Parameters
    ----------
    runs : sequence of Run

    Returns
    -------
    list of (str, list of str)
        Key, and its value in each run; ``not set`` if a run does not have it.
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
