"""Which galaxies are shown, and where: by their scores alone, before there are pictures."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from evaluation.formats.out_of_fold import OutOfFold
from evaluation.formats.predictions import Predictions
from evaluation.scores import DECISION, is_right
from evaluation.suspects import suspect_labels
from preprocessing.features import ELLIPTICAL, HOLDOUT, NO_LABEL, SPIRAL, TEST, UNCERTAIN

SURE_SPIRALS = "Spirals, right and sure"
SURE_ELLIPTICALS = "Ellipticals, right and sure"
WRONG = "Wrong, the surest first"
BETWEEN = "In between, the nearest to one half first"
UNCERTAIN_GALAXIES = "Galaxies that the table calls uncertain, by probability"
HOLDOUT_WRONG = "Surplus galaxies that are called wrongly, the surest first"
SUSPECTS = "Labels that are probably wrong, the most suspect first"

MOST = {
    SURE_SPIRALS: 12,
    SURE_ELLIPTICALS: 12,
    WRONG: 24,
    BETWEEN: 16,
    UNCERTAIN_GALAXIES: 16,
    HOLDOUT_WRONG: 12,
    SUSPECTS: 36,
}
"""Galaxies in a panel."""
HANDFUL = {SURE_SPIRALS: 3, SURE_ELLIPTICALS: 3, WRONG: 2, BETWEEN: 2}
"""Galaxies of each panel that are shown in other ways, too."""


@dataclass(frozen=True)
class Choice:
    """The galaxies that are shown.

    Attributes
    ----------
    panels : mapping of str to tuple of str
        Names by the panel's title, in the order in which they are shown. Every panel is there; it may be
        empty.
    totals : mapping of str to int
        Galaxies of that kind, by the panel's title; at most `MOST` of them are shown.
    views : tuple of str
        Names of those that are shown in other band sets and stretches.
    attention : tuple of str
        Names of those for which is shown where the network looks.
    """

    panels: Mapping[str, tuple[str, ...]]
    totals: Mapping[str, int]
    views: tuple[str, ...]
    attention: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Every galaxy that needs a picture, once."""
        shown = [name for panel in self.panels.values() for name in panel]
        return tuple(dict.fromkeys((*shown, *self.views, *self.attention)))


def choose(predictions: Predictions, out_of_fold: OutOfFold | None) -> Choice:
    """Choose galaxies to show.

    Parameters
    ----------
    predictions : Predictions
    out_of_fold : OutOfFold or None
        None: nothing is known of suspect labels.

    Returns
    -------
    Choice
        The same whatever the order of the rows: equals go by name. Galaxies without a probability are not
        shown.
    """
    test = _Candidates.of(predictions, TEST)
    uncertain = _Candidates.of(predictions, UNCERTAIN)
    doubt = 0.5 - np.abs(test.p - DECISION)
    sure = test.right & ~test.between
    holdout = _Candidates.of(predictions, HOLDOUT)
    suspects = _suspects(out_of_fold)
    # What is shown, and how many there are of that kind.
    found = {
        SURE_SPIRALS: test.first(doubt, sure & (test.labels == SPIRAL), SURE_SPIRALS),
        SURE_ELLIPTICALS: test.first(doubt, sure & (test.labels == ELLIPTICAL), SURE_ELLIPTICALS),
        WRONG: test.first(doubt, ~test.right, WRONG),
        BETWEEN: test.first(-doubt, test.between, BETWEEN),
        UNCERTAIN_GALAXIES: (uncertain.spread(MOST[UNCERTAIN_GALAXIES]), len(uncertain.p)),
        HOLDOUT_WRONG: holdout.first(0.5 - np.abs(holdout.p - DECISION), ~holdout.right, HOLDOUT_WRONG),
        SUSPECTS: (suspects[: MOST[SUSPECTS]], len(suspects)),
    }
    panels = {title: names for title, (names, _) in found.items()}
    handful = [name for title, count in HANDFUL.items() for name in panels[title][:count]]
    handful = list(dict.fromkeys(handful))  # a wrong one may be in between
    totals = {title: total for title, (_, total) in found.items()}
    return Choice(panels, totals, tuple(handful), tuple(handful))


@dataclass(frozen=True)
class _Candidates:
    """The galaxies of a split that have a probability."""

    names: pa.Array
    labels: np.ndarray
    p: np.ndarray
    right: np.ndarray
    between: np.ndarray

    @classmethod
    def of(cls, predictions: Predictions, split: str) -> "_Candidates":
        rows = predictions.rows(split)
        rows = rows[np.isfinite(predictions.p_elliptical[rows])]
        names = predictions.names.take(pa.array(rows)).combine_chunks()
        labels, p = predictions.labels[rows], predictions.p_elliptical[rows]
        return cls(names, labels, p, is_right(labels, p), predictions.morphologies[rows] == NO_LABEL)

    def first(self, key: np.ndarray, wanted: np.ndarray, title: str) -> tuple[tuple[str, ...], int]:
        """Return the names of those that are wanted, with the smallest key, and how many are wanted."""
        if not wanted.any():
            return (), 0  # pyarrow selects nothing from nothing
        table = pa.table({"key": key[wanted], "name": self.names.filter(pa.array(wanted))})
        order = [("key", "ascending"), ("name", "ascending")]
        first = pc.select_k_unstable(table, min(MOST[title], len(table)), order)
        return _names(table, first), len(table)

    def spread(self, most: int) -> tuple[str, ...]:
        """Return names at equal steps from the least to the greatest probability."""
        if not len(self.p):
            return ()
        table = pa.table({"p": self.p, "name": self.names})
        order = pc.sort_indices(table, [("p", "ascending"), ("name", "ascending")])
        places = np.linspace(0, len(table) - 1, min(most, len(table))).round().astype(int)
        return _names(table, order.take(pa.array(places)))


def _names(table: pa.Table, rows: pa.Array) -> tuple[str, ...]:
    return tuple(table.column("name").take(rows).to_pylist())


def _suspects(out_of_fold: OutOfFold | None) -> tuple[str, ...]:
    if out_of_fold is None:
        return ()
    columns = (out_of_fold.names, out_of_fold.labels, out_of_fold.folds, out_of_fold.p_elliptical)
    return tuple(suspect.name for suspect in suspect_labels(*columns) if suspect.is_issue)
