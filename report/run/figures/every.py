"""All figures of the report."""

from collections.abc import Mapping
from typing import Any

from preprocessing.features import HOLDOUT, TEST, UNCERTAIN
from report.evidence.reading import NODES, Evidence
from report.run.figures.calibration import draw_calibration
from report.run.figures.curves import draw_confusion_matrix, draw_precision_recall, draw_roc, draw_thresholds
from report.run.figures.folds import draw_folds
from report.run.figures.groups import draw_groups
from report.run.figures.nodes import draw_nodes
from report.run.figures.novelty import draw_novelty
from report.run.figures.plot import Plot
from report.run.figures.probabilities import draw_probabilities
from report.run.figures.training import draw_fold_training, draw_training
from report.topics.groups import PROPERTIES

FIGURES = (
    *("folds", "confusion_matrix", "roc", "precision_recall", "thresholds", "calibration"),
    *("probabilities", "uncertain", "holdout", "novelty", "nodes"),
    *(f"groups-{key}" for keys in PROPERTIES for key in keys),
    *("training-head", "training-network", "training-folds"),
)
"""Names of all figures that a report may have."""


def draw_figures(evidence: Evidence, numbers: Mapping[str, Any]) -> dict[str, Plot]:
    """Draw all figures.

    Parameters
    ----------
    evidence : Evidence
    numbers : mapping
        See `report.topics.numbers.run_numbers`.

    Returns
    -------
    dict of str to Plot
        By name. Figures of groups and trainings are left out where there is nothing to draw; all others have
        an entry that then says why.
    """
    labels, p = evidence.predictions.scored(TEST)
    test, uncertain = numbers["test"], evidence.uncertain
    plots: list[Plot | None] = [
        draw_folds(numbers["cross_validation"]),
        draw_confusion_matrix(test),
        draw_roc(labels, p, test, uncertain),
        draw_precision_recall(labels, p, test),
        draw_thresholds(labels, p, uncertain),
        draw_calibration(numbers["calibration"], test["intervals"]["ece"]),
        *(draw_probabilities(evidence.predictions, split, numbers) for split in (TEST, UNCERTAIN, HOLDOUT)),
        draw_novelty(evidence.predictions, numbers),
        *(draw_groups(key, group, test["accuracy"]) for key, group in numbers["groups"].items()),
        *(draw_training(phase, evidence.history.get(phase) or {}) for phase in ("head", "network")),
        draw_fold_training(evidence.history.get("folds") or []),
        draw_nodes(evidence.nodes, evidence.problems.get(NODES, "")),
    ]
    return {plot.name: plot for plot in plots if plot is not None}
