"""Make labels wrong, and count how many of them a ranking of suspect labels finds."""

from collections.abc import Sequence
from dataclasses import astuple, dataclass, replace
from pathlib import Path
from statistics import mean

import numpy as np
from rich.console import Console
from rich.table import Table
from sklearn.metrics import average_precision_score
from sklearn.model_selection import StratifiedKFold

from benchmarks.suspect_sets import BACKBONE, SIZE, LabelledSet, draw
from benchmarks.training_head import head_recipe
from evaluation.scores import is_right
from evaluation.suspects import Suspect, suspect_labels
from preprocessing.features import CLASS_NAMES
from trainer.head import fit_head

FLIPPED = 0.05
"""Share of the labels that are made wrong."""
FOLDS = 5
SHOWN = 48
"""Galaxies that are printed and drawn."""


@dataclass(frozen=True)
class Found:
    """Success of a ranking in finding the wrong labels.

    Attributes
    ----------
    top : float
        Precision, which equals recall, in the first n galaxies of the ranking, where n is the number of wrong
        labels.
    average_precision : float
        Average precision of the whole ranking.
    issues : float
        Number of label issues found by confident learning.
    issues_wrong, issues_found : float
        Precision and recall of these issues.
    accuracy : float
        Accuracy of the folds against the original labels.
    """

    top: float
    average_precision: float
    issues: float
    issues_wrong: float
    issues_found: float
    accuracy: float


def rank(labelled: LabelledSet, labels: np.ndarray, seed: int) -> list[Suspect]:
    """Cross-validate the classifier head on frozen features, and rank the galaxies.

    Parameters
    ----------
    labelled : LabelledSet
    labels : ndarray of int, shape (N,)
        Labels for training and ranking.
    seed : int
        Seed of folds and training.
    """
    recipe, store = head_recipe(BACKBONE, SIZE), labelled.features
    store = replace(store, galaxies=replace(store.galaxies, labels=labels))
    train = recipe.train.model_copy(update={"seed": seed})
    folds, p_elliptical = np.empty(len(labels), int), np.empty(len(labels))
    divisions = StratifiedKFold(FOLDS, shuffle=True, random_state=seed).split(labels, labels)
    for fold, (learning, scored) in enumerate(divisions):
        head, _ = fit_head(store, learning, None, model=recipe.model, settings=train)
        folds[scored] = fold
        p_elliptical[scored] = head.probabilities(store.values[scored, :1])
    return suspect_labels(store.galaxies.names.tolist(), labels, folds, p_elliptical)


def plant_and_find(labelled: LabelledSet, seed: int) -> Found:
    """Make labels wrong, and try to find them.

    Parameters
    ----------
    labelled : LabelledSet
    seed : int
        Seed of the choice of labels, of the folds and of the training.
    """
    galaxies = labelled.features.galaxies
    count = round(FLIPPED * len(galaxies))
    wrong = np.random.default_rng(seed).choice(len(galaxies), count, replace=False)
    labels = galaxies.labels.copy()
    labels[wrong] = 1 - labels[wrong]
    suspects = rank(labelled, labels, seed)
    planted, true = set(galaxies.names[wrong]), dict(zip(galaxies.names, galaxies.labels, strict=True))
    hits = np.array([one.name in planted for one in suspects])
    issues = np.array([one.is_issue for one in suspects])
    right = is_right([true[one.name] for one in suspects], [one.p_elliptical for one in suspects])
    return Found(
        top=float(hits[:count].mean()),
        average_precision=float(average_precision_score(hits, -np.arange(len(hits)))),
        issues=float(issues.sum()),
        issues_wrong=float(hits[issues].sum() / max(issues.sum(), 1)),
        issues_found=float(hits[issues].sum() / count),
        accuracy=float(np.mean(right)),
    )


def print_found(labelled: LabelledSet, seeds: int) -> None:
    """Print the results for each seed, and their mean."""
    spirals, ellipticals = labelled.features.galaxies.class_counts
    count = round(FLIPPED * (spirals + ellipticals))
    table = Table(
        "",
        f"wrong in the first {count}",
        "average precision",
        "is_issue",
        "its precision",
        "its recall",
        "accuracy",
        title=f"{labelled.title}: {spirals:,} spirals, {ellipticals:,} ellipticals, {count} made wrong",
    )
    found = []
    for seed in range(seeds):
        found.append(plant_and_find(labelled, seed))
        table.add_row(f"seed {seed}", *_cells(astuple(found[-1])))
    average = [mean(values) for values in zip(*map(astuple, found), strict=True)]
    table.add_row("mean", *_cells(average), style="bold")
    table.add_row("random", f"{FLIPPED:.3f}", f"{FLIPPED:.3f}", style="dim")
    Console().print(table)


def print_first(labelled: LabelledSet, picture: Path) -> None:
    """Rank the original labels; print and draw the first of the list."""
    suspects = rank(labelled, labelled.features.galaxies.labels, seed=0)
    issues = sum(one.is_issue for one in suspects)
    table = Table(
        "rank",
        "name",
        "listed as",
        "type",
        "p_elliptical",
        "is_issue",
        title=f"{labelled.title} as it is: {issues} of {len(suspects):,} labels are an issue",
    )
    for one in suspects[:SHOWN]:
        kind = labelled.types.get(one.name, "")
        table.add_row(
            str(one.rank),
            one.name,
            CLASS_NAMES[one.label],
            kind,
            f"{one.p_elliptical:.3f}",
            "yes" if one.is_issue else "",
        )
    draw(labelled, suspects[:SHOWN], picture)
    Console().print(table, f"pictures: {picture}", sep="\n")


def _cells(values: Sequence[float]) -> list[str]:
    """Return the numbers of `Found` as texts; the third is a count."""
    return [f"{value:.0f}" if place == 2 else f"{value:.3f}" for place, value in enumerate(values)]
