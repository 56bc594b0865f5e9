"""Selection of the galaxies to show, from their scores alone, before any picture is made."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from evaluation.formats.catalogue import UNLIKE_FROM
from evaluation.formats.out_of_fold import OutOfFold
from evaluation.formats.predictions import Predictions
from evaluation.scores import DECISION, is_right
from evaluation.suspects import suspect_labels
from preprocessing.features import ELLIPTICAL, HOLDOUT, NO_LABEL, SPIRAL, SPLITS, TEST, UNCERTAIN
from report.topics.novelty import SHOWN_SPLITS

CONFIDENT_SPIRALS = "Spirals, correct and confident"
CONFIDENT_ELLIPTICALS = "Ellipticals, correct and confident"
MISCLASSIFIED = "Misclassified, most confident first"
CALLED_UNCERTAIN = "Called uncertain, nearest to 0.5 first"
LABELLED_UNCERTAIN = "Labelled uncertain, by probability"
HOLDOUT_MISCLASSIFIED = "Misclassified holdout galaxies, most confident first"
UNLIKE = "Most unlike the training galaxies, by distance"
SUSPECTS = "Labels that are probably wrong, most suspect first"

MOST = {
    CONFIDENT_SPIRALS: 12,
    CONFIDENT_ELLIPTICALS: 12,
    MISCLASSIFIED: 24,
    CALLED_UNCERTAIN: 16,
    LABELLED_UNCERTAIN: 16,
    HOLDOUT_MISCLASSIFIED: 12,
    UNLIKE: 24,
    SUSPECTS: 36,
}
"""Largest number of galaxies in a panel."""
SHOWN_IN_DETAIL = {CONFIDENT_SPIRALS: 3, CONFIDENT_ELLIPTICALS: 3, MISCLASSIFIED: 2, CALLED_UNCERTAIN: 2}
"""Number of galaxies of each panel that are also shown in other views and with a Grad-CAM map."""


@dataclass(frozen=True)
class Choice:
    """The galaxies that are shown.

    Attributes
    ----------
    panels : mapping of str to tuple of str
        Names by the panel's title, in the order in which they are shown. Every panel has an entry, which may
        be empty.
    totals : mapping of str to int
        Total number of galaxies of a panel's kind, by its title; at most `MOST` of them are shown.
    views : tuple of str
        Names of the galaxies shown in other band sets and stretches.
    attention : tuple of str
        Names of the galaxies shown with a Grad-CAM map.
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
        None if there are no out-of-fold predictions, and so no suspect labels.

    Returns
    -------
    Choice
        Independent of the order of the rows: ties are ordered by name. Galaxies without a probability are
        not shown.
    """
    test = _Candidates.of(predictions, TEST)
    uncertain = _Candidates.of(predictions, UNCERTAIN)
    doubt = 0.5 - np.abs(test.p - DECISION)
    sure = test.right & ~test.between
    holdout = _Candidates.of(predictions, HOLDOUT)
    suspects = _suspects(out_of_fold)
    # Names that are shown, and the total number of that kind.
    found = {
        CONFIDENT_SPIRALS: test.first(doubt, sure & (test.labels == SPIRAL), CONFIDENT_SPIRALS),
        CONFIDENT_ELLIPTICALS: test.first(doubt, sure & (test.labels == ELLIPTICAL), CONFIDENT_ELLIPTICALS),
        MISCLASSIFIED: test.first(doubt, ~test.right, MISCLASSIFIED),
        CALLED_UNCERTAIN: test.first(-doubt, test.between, CALLED_UNCERTAIN),
        LABELLED_UNCERTAIN: (uncertain.spread(MOST[LABELLED_UNCERTAIN]), len(uncertain.p)),
        HOLDOUT_MISCLASSIFIED: holdout.first(
            0.5 - np.abs(holdout.p - DECISION), ~holdout.right, HOLDOUT_MISCLASSIFIED
        ),
        UNLIKE: _unlike(predictions),
        SUSPECTS: (suspects[: MOST[SUSPECTS]], len(suspects)),
    }
    panels = {title: names for title, (names, _) in found.items()}
    detailed = [name for title, count in SHOWN_IN_DETAIL.items() for name in panels[title][:count]]
    detailed = list(dict.fromkeys(detailed))  # a misclassified galaxy may also be called uncertain
    totals = {title: total for title, (_, total) in found.items()}
    return Choice(panels, totals, tuple(detailed), tuple(detailed))


@dataclass(frozen=True)
class _Candidates:
    """Galaxies of a split with a finite probability."""

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


def _unlike(predictions: Predictions) -> tuple[tuple[str, ...], int]:
    """Return the galaxies unlike the training galaxies, the farthest first, and how many there are."""
    held_out = np.isin(predictions.splits, [SPLITS.index(split) for split in SHOWN_SPLITS])
    held_out &= np.isfinite(predictions.p_elliptical)
    rows = np.flatnonzero(held_out & (predictions.novelty >= UNLIKE_FROM))
    names = predictions.names.take(pa.array(rows)).combine_chunks()
    table = pa.table({"distance": predictions.novelty_distance[rows], "name": names})
    order = pc.sort_indices(table, [("distance", "descending"), ("name", "ascending")])
    return _names(table, order.slice(0, MOST[UNLIKE])), len(rows)


def _names(table: pa.Table, rows: pa.Array) -> tuple[str, ...]:
    return tuple(table.column("name").take(rows).to_pylist())


def _suspects(out_of_fold: OutOfFold | None) -> tuple[str, ...]:
    if out_of_fold is None:
        return ()
    columns = (out_of_fold.names, out_of_fold.labels, out_of_fold.folds, out_of_fold.p_elliptical)
    return tuple(suspect.name for suspect in suspect_labels(*columns) if suspect.is_issue)
