"""The galaxies on which two runs disagree, as pictures where either report has one."""

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
"""In a panel; the farthest apart come first."""


@dataclass(frozen=True)
class Disagreement:
    """A galaxy that one of two runs calls wrongly.

    Attributes
    ----------
    name, label : str
    one, other : float or None
        Probability of elliptical by either run; None where it is not finite.
    tiles : list of (str, Tile)
        Pictures, each with the letter of its run; one without a letter where both runs see the same.
    """

    name: str
    label: str
    one: float | None
    other: float | None
    tiles: list[tuple[str, Tile]]


@dataclass(frozen=True)
class Panel:
    """Galaxies that only one of two runs calls right.

    Attributes
    ----------
    right, wrong : str
        Letters of the runs.
    shown : list of Disagreement
    count : int
        How many there are, shown or not.
    """

    right: str
    wrong: str
    shown: list[Disagreement]
    count: int


def panels(pair: Pair) -> list[Panel]:
    """Return the galaxies that only the one, and those that only the other run calls right.

    Parameters
    ----------
    pair : Pair

    Returns
    -------
    list of Panel
        Two; they may be empty.
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
        return [("", Tile(problem="neither report has one"))]
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
