"""Galaxies whose label is probably wrong, by what the folds say of them.

Confident learning for two classes, written from the paper: its authors' package cleanlab is under the AGPL,
this project under the Apache licence.
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from evaluation.scores import calls_elliptical
from preprocessing.features import CLASS_NAMES, ELLIPTICAL, SPIRAL

SUSPECTS_FILE = "suspect_labels.csv"
SUSPECT_COLUMNS = ("name", "label", "p_elliptical", "fold", "quality", "rank")


@dataclass(frozen=True)
class Suspect:
    """How much a galaxy's label is to be doubted.

    Attributes
    ----------
    name : str
    label : int
        0 spiral, 1 elliptical.
    p_elliptical : float
        By the fold that had not seen it.
    fold : int
    quality : float
        Its self-confidence: the probability of the class that the label says.
    is_issue : bool
        Whether confident learning takes the label for wrong.
    rank : int
        From 1, the most suspect.
    """

    name: str
    label: int
    p_elliptical: float
    fold: int
    quality: float
    is_issue: bool
    rank: int


def suspect_labels(
    names: Sequence[str], labels: ArrayLike, folds: ArrayLike, p_elliptical: ArrayLike
) -> list[Suspect]:
    """Rank galaxies by how much their label is to be doubted.

    Parameters
    ----------
    names : sequence of str, length N
    labels : array_like of int, shape (N,)
        0 spiral, 1 elliptical.
    folds : array_like of int, shape (N,)
    p_elliptical : array_like of float, shape (N,)
        Each by a model that has not seen the galaxy: one that has learned a wrong label would defend it.

    Returns
    -------
    list of Suspect
        Every galaxy with a finite probability, the most suspect first.

    Notes
    -----
    Northcutt, Jiang & Chuang (2021, JAIR 70, 1373).

    1. The threshold of a class is the mean self-confidence of the galaxies that bear its label.
    2. A galaxy is confidently of the class whose threshold its probability reaches; where it reaches both, of
       the likelier one.
    3. The label is an issue where that is the other class (the paper's method "confusion", the off-diagonal
       of the confident joint), and the model calls the galaxy otherwise, too. With one class missing there
       is no threshold, and no issue; nor with equal probabilities, which all reach theirs.

    With two classes the paper's pruning by class and by noise rate take the same galaxies, and more of them.
    On overlapping classes of 1,500 and 500, 5 % of the labels flipped and a logistic regression with class
    weights, they found 0.77 of the flips, not 0.66, but of what they took 0.53 was flipped, not 0.65. Whoever
    leaves these galaxies out of the training should lose few good ones.

    The rank is by self-confidence alone. Less the threshold of the class, as the authors offer, or divided by
    it, it found as many of these flips with class weights (0.65 in the first 5 %) and without them fewer
    (0.72 in place of 0.77); it won only where the rarer class alone is badly labelled and unweighted.
    """
    labels, folds = np.asarray(labels, int), np.asarray(folds, int)
    p_elliptical = np.asarray(p_elliptical, np.float64)
    quality = np.where(labels == ELLIPTICAL, p_elliptical, 1.0 - p_elliptical)
    issues = _issues(labels, p_elliptical, quality)
    known = np.flatnonzero(np.isfinite(p_elliptical))
    ordered = known[np.argsort(quality[known], kind="stable")]
    return [
        Suspect(
            str(names[number]),
            int(labels[number]),
            float(p_elliptical[number]),
            int(folds[number]),
            float(quality[number]),
            bool(issues[number]),
            rank,
        )
        for rank, number in enumerate(ordered, start=1)
    ]


def _issues(labels: np.ndarray, p_elliptical: np.ndarray, quality: np.ndarray) -> np.ndarray:
    """Return which labels contradict the class that the galaxy is confidently of."""
    finite = np.isfinite(p_elliptical)
    of_class = {label: quality[finite & (labels == label)] for label in (SPIRAL, ELLIPTICAL)}
    if not all(len(values) for values in of_class.values()) or np.ptp(p_elliptical[finite]) == 0:
        return np.zeros(len(labels), bool)
    # A galaxy that is called otherwise than its label says is likelier of the other class: if it reaches that
    # one's threshold, it makes no difference whether it reaches its own as well.
    threshold = np.where(labels == ELLIPTICAL, of_class[SPIRAL].mean(), of_class[ELLIPTICAL].mean())
    called = np.where(calls_elliptical(p_elliptical), ELLIPTICAL, SPIRAL)
    return finite & (called != labels) & (1.0 - quality >= threshold)


def write_suspects(path: Path, suspects: Sequence[Suspect]) -> None:
    """Write ``suspect_labels.csv``: the galaxies whose label is an issue, as `suspect_labels` ranks them.

    Parameters
    ----------
    path : Path
    suspects : sequence of Suspect
    """
    with open(path, "w", newline="", encoding="utf-8") as table:
        writer = csv.writer(table, lineterminator="\n")
        writer.writerow(SUSPECT_COLUMNS)
        for one in suspects:
            if one.is_issue:
                label, p, quality = CLASS_NAMES[one.label], f"{one.p_elliptical:.7f}", f"{one.quality:.7f}"
                writer.writerow((one.name, label, p, one.fold, quality, one.rank))
