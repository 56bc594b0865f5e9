"""The galaxies on which two runs disagree, with the pictures of their reports."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from preprocessing.features import CLASS_NAMES
from report.comparison.pairs import Pair
from report.comparison.runs import Run
from report.evidence.configuration import table_of
from report.evidence.reading import PICTURES
from report.html.tiles import Tile
from report.run.images import png_tile

MOST_SHOWN = 24
"""Largest number of galaxies in a panel; those with the largest difference in probability come first."""


@dataclass(frozen=True)
class Disagreement:
    """A galaxy that one of two runs misclassifies.

    Attributes
    ----------
    name, label : str
    one, other : float or None
        Probability of elliptical by each run; None if it is not finite.
    tiles : list of (str, Tile)
        Pictures, each with the letter of its run; a single one without a letter if both runs use the same
        picture settings.
    """

    name: str
    label: str
    one: float | None
    other: float | None
    tiles: list[tuple[str, Tile]]


@dataclass(frozen=True)
class Panel:
    """Galaxies that only one of two runs classifies correctly.

    Attributes
    ----------
    right, wrong : str
        Letters of the runs.
    shown : list of Disagreement
    count : int
        Total number, including those that are not shown.
    """

    right: str
    wrong: str
    shown: list[Disagreement]
    count: int


def panels(pair: Pair) -> list[Panel]:
    """Return the galaxies that only one of the runs classifies correctly.

    Parameters
    ----------
    pair : Pair

    Returns
    -------
    list of Panel
        One for each run; they may be empty.
    """
    one, other = pair.one.letter, pair.other.letter
    sides = ((one, other, pair.only_one), (other, one, pair.only_other))
    return [Panel(right, wrong, _shown(pair, rows), len(rows)) for right, wrong, rows in sides]


def _shown(pair: Pair, rows: np.ndarray) -> list[Disagreement]:
    common = pair.common
    return [
        Disagreement(
            common.names[row],
            CLASS_NAMES[int(common.labels[row])],
            _finite(common.one[row]),
            _finite(common.other[row]),
            _tiles((pair.one, pair.other), common.names[row]),
        )
        for row in rows[:MOST_SHOWN]
    ]


def _finite(p: float) -> float | None:
    return float(p) if np.isfinite(p) else None


def _tiles(runs: Sequence[Run], name: str) -> list[tuple[str, Tile]]:
    found = [(run.letter, tile) for run in runs for tile in _tile(run, name)]
    if not found:
        return [("", Tile(problem="not in either report"))]
    looks = [table_of(run.evidence.settings, "image") for run in runs]
    return [("", found[0][1])] if looks[0] == looks[1] else found


def _tile(run: Run, name: str) -> Iterator[Tile]:
    file = table_of(table_of(run.evidence.pictures, "galaxies"), name).get("picture")
    if file is None:
        return
    try:
        yield png_tile(run.evidence.folder / PICTURES / str(file))
    except ValueError as error:
        yield Tile(problem=f"{PICTURES}/{file} of {run.letter} {error}")
