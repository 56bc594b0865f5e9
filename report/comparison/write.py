"""Files of a comparison: the page, and the same numbers as JSON."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from evaluation.formats.json_text import finite
from preprocessing.whole_files import write_whole
from report.comparison.page import render_page
from report.comparison.pairs import Pair, compare_runs
from report.comparison.runs import Run, read_runs, setting_rows
from report.comparison.sentences import left_out
from report.errors import ReportError

FOLDER, PAGE, JSON = "comparison", "index.html", "comparison.json"

_NUMBERS = (
    "test",
    "holdout",
    "uncertain",
    "cross_validation",
    "out_of_fold",
    "gate",
    "pushed_version",
    "fingerprint",
)


@dataclass(frozen=True)
class RunComparison:
    """Runs, and each later run compared with the first.

    Attributes
    ----------
    runs : list of Run
    pairs : list of Pair
    """

    runs: list[Run]
    pairs: list[Pair]


def compare_reports(paths: Sequence[Path]) -> RunComparison:
    """Compare runs.

    Parameters
    ----------
    paths : sequence of Path
        Roots of runs, or their report folders. The first is compared with each of the others.

    Returns
    -------
    RunComparison

    Raises
    ------
    ReportError
        If a run cannot be read or is given twice, or no run has a test galaxy in common with the first.
    """
    runs = read_runs(paths)
    pairs = [compare_runs(run, runs[0]) for run in runs[1:]]
    if not any(pair.n for pair in pairs):
        raise ReportError(_nothing_in_common(pairs))
    return RunComparison(runs, pairs)


def _nothing_in_common(pairs: Sequence[Pair]) -> str:
    first = str(pairs[0].other.path)
    others = ", ".join(str(pair.one.path) for pair in pairs)
    why = left_out(pairs[0].common.of_one, str(pairs[0].one.path), first).removesuffix(".")
    return f"{others}: no test galaxy in common with {first}. {why}"


def write_comparison(comparison: RunComparison, folder: Path) -> Path:
    """Write the page and the numbers.

    Parameters
    ----------
    comparison : RunComparison
    folder : Path
        Folder to which ``index.html`` and ``comparison.json`` are written.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    ReportError
        If a file cannot be written.
    """
    content = json.dumps(comparison_numbers(comparison), indent=2, allow_nan=False) + "\n"
    page = render_page(comparison.runs, comparison.pairs)
    try:
        write_whole(folder / JSON, content)
        write_whole(folder / PAGE, page)
    except OSError as error:
        raise ReportError(f"{error.filename or folder} cannot be written: {error.strerror}") from error
    return folder / PAGE


def comparison_numbers(comparison: RunComparison) -> dict[str, Any]:
    """Return the content of ``comparison.json``.

    Parameters
    ----------
    comparison : RunComparison

    Returns
    -------
    dict
        ``runs``, a list of {letter, name, path, differs} and numbers of ``metrics.json``; ``settings``, those
        that differ, {key: {letter: value}}; ``pairs``, a list of {one, other, n, accuracy, auc, loss,
        only_one, only_other, p_value, test_galaxies}. Each score is {one, other, value, interval};
        ``only_one`` and ``only_other`` are names of the galaxies that only one run classifies correctly, the
        largest difference in probability first; ``test_galaxies`` counts the test galaxies of each run by
        where they are in the other. Unknown values are None, never NaN.
    """
    letters = [run.letter for run in comparison.runs]
    settings = {key: dict(zip(letters, values, strict=True)) for key, values in setting_rows(comparison.runs)}
    runs = [
        {"letter": run.letter, "name": run.name, "path": run.path, "differs": run.differs}
        | {key: run.numbers[key] for key in _NUMBERS}
        for run in comparison.runs
    ]
    return finite({"runs": runs, "settings": settings, "pairs": list(map(_pair, comparison.pairs))})


def _pair(pair: Pair) -> dict[str, Any]:
    common = pair.common
    return {
        "one": pair.one.letter,
        "other": pair.other.letter,
        "n": pair.n,
        **{name: asdict(difference) for name, difference in pair.differences.items()},
        "only_one": [common.names[row] for row in pair.only_one],
        "only_other": [common.names[row] for row in pair.only_other],
        "p_value": pair.p_value,
        "test_galaxies": {"one": dict(common.of_one), "other": dict(common.of_other)},
    }
