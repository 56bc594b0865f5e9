"""Galaxies whose label is probably wrong, found by confident learning from out-of-fold predictions.

This is an implementation for two classes from the paper, because the authors' package cleanlab is under the
AGPL and this project is under the Apache licence.
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
    """A galaxy with the quality of its label.

    Attributes
    ----------
    name : str
    label : int
        0 spiral, 1 elliptical.
    p_elliptical : float
        Out-of-fold prediction.
    fold : int
    quality : float
        Self-confidence: the probability of the class of the label.
    is_issue : bool
        Whether the label is probably wrong.
    rank : int
        From 1, the most suspect label.
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
    """Rank galaxies by how suspect their label is.

    Parameters
    ----------
    names : sequence of str, length N
    labels : array_like of int, shape (N,)
        0 spiral, 1 elliptical.
    folds : array_like of int, shape (N,)
    p_elliptical : array_like of float, shape (N,)
        Out-of-fold predictions: a model that was trained on a wrong label would confirm it.

    Returns
    -------
    list of Suspect
        Every galaxy with a finite probability, the most suspect first.

    Notes
    -----
    Northcutt, Jiang & Chuang (2021, JAIR 70, 1373).

    1. The threshold of a class is the mean self-confidence of the galaxies with its label.
    2. A galaxy is confidently of the class whose threshold its probability reaches; if it reaches both, of
       the likelier one.
    3. The label is an issue if that is the other class (the paper's method "confusion", the off-diagonal of
       the confident joint) and the model also classifies the galaxy as the other class. There are no issues
       if a class is absent, which then has no threshold, or if all probabilities are equal.

    With two classes the paper's pruning by class and by noise rate select the same galaxies, and more of
    them. In a test with overlapping classes of 1,500 and 500 galaxies, 5 % of the labels flipped and a
    logistic regression with class weights, they found 0.77 of the flips instead of 0.66, but only 0.53 of the
    selected galaxies were flipped instead of 0.65. The method "confusion" was chosen because excluding these
    galaxies from training should lose few good ones.

    The rank uses self-confidence alone. The authors also suggest to subtract the threshold of the class, or
    to divide by it. In the same test this found as many flips with class weights (0.65 in the first 5 %) and
    fewer without (0.72 instead of 0.77); it was better only if the rarer class alone is badly labelled and
    there are no class weights.
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
    """Return for which galaxies the label is an issue."""
    finite = np.isfinite(p_elliptical)
    of_class = {label: quality[finite & (labels == label)] for label in (SPIRAL, ELLIPTICAL)}
    if not all(len(values) for values in of_class.values()) or np.ptp(p_elliptical[finite]) == 0:
        return np.zeros(len(labels), bool)
    # A galaxy that is classified as the other class is likelier of that class. If it reaches the threshold of
    # that class, it does not matter whether it also reaches the threshold of its own.
    threshold = np.where(labels == ELLIPTICAL, of_class[SPIRAL].mean(), of_class[ELLIPTICAL].mean())
    called = np.where(calls_elliptical(p_elliptical), ELLIPTICAL, SPIRAL)
    return finite & (called != labels) & (1.0 - quality >= threshold)


def write_suspects(path: Path, suspects: Sequence[Suspect]) -> None:
    """Write ``suspect_labels.csv``: the galaxies whose label is an issue, ranked by `suspect_labels`.

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
