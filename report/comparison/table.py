"""The headline numbers of runs, side by side."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from report.card.metrics import fold_rows, interval_text
from report.comparison.runs import Run
from report.html.formats import UNKNOWN, format_measure
from report.topics.headlines import Headline, headlines


@dataclass(frozen=True)
class Cell:
    """A number of one run.

    Attributes
    ----------
    value : str
    interval : str
        Empty without an interval.
    n : int or None
        Number of galaxies; None if it is not stated.
    """

    value: str = UNKNOWN
    interval: str = ""
    n: int | None = None


@dataclass(frozen=True)
class Line:
    """A headline number of every run."""

    title: str
    meaning: str
    cells: list[Cell]


def side_by_side(runs: Sequence[Run]) -> list[Line]:
    """Return the headline numbers of runs, with a dash where a run does not have one.

    Parameters
    ----------
    runs : sequence of Run

    Returns
    -------
    list of Line
    """
    every = [{one.title: one for one in headlines(run.numbers)} for run in runs]
    meanings = {title: one.meaning for found in every for title, one in found.items()}
    lines = [
        Line(title, meaning, [_cell(found.get(title)) for found in every])
        for title, meaning in meanings.items()
    ]
    folds = [dict(fold_rows(run.numbers["cross_validation"])) for run in runs]
    return [*lines, *_fold_lines(folds)]


def _cell(one: Headline | None) -> Cell:
    if one is None:
        return Cell()
    interval = "" if one.interval is None else interval_text(one.interval)
    return Cell(format_measure(one.value), interval, one.n)


def _fold_lines(folds: Sequence[Mapping[str, str]]) -> list[Line]:
    titles = dict.fromkeys(title for found in folds for title in found)
    meaning = "mean ± standard deviation over the folds"
    return [
        Line(f"cross-validation: {title}", meaning, [Cell(found.get(title, UNKNOWN)) for found in folds])
        for title in titles
    ]
