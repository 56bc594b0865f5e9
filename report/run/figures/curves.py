"""Confusion matrix, and the curves over all thresholds: ROC, precision and recall."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter
from sklearn import metrics

from evaluation.scores import DECISION, without_rounding
from preprocessing.features import CLASS_NAMES, ELLIPTICAL, SPIRAL
from report.html.formats import count_of, format_measure, format_percent
from report.html.svg import INK, MARK, SUGGESTED, drawing, name_axes
from report.run.figures.plot import Plot, thinned
from report.topics.classes import figure_text
from report.topics.words import within

ZOOM = 0.2
"""Side of the corner of the ROC curve that is enlarged in an inset."""
_MARKERS = ("v", "o", "^")


def why_no_curves(labels: np.ndarray, p: np.ndarray) -> str:
    """Say why no curve can be drawn; empty if it can."""
    if not len(labels):
        return "The test split is empty."
    missing = int((~np.isfinite(p)).sum())
    if missing:
        verb = "has" if missing == 1 else "have"
        return f"{count_of(missing, 'test galaxy', 'test galaxies')} {verb} no finite probability."
    for label in (SPIRAL, ELLIPTICAL):
        if not (labels == label).any():
            return f"There is no {CLASS_NAMES[label]} galaxy in the test split."
    return ""


def draw_confusion_matrix(test: Mapping[str, Any]) -> Plot:
    """Draw the confusion matrix: labels in rows, predicted classes in columns."""
    matrix = test["confusion_matrix"]
    if matrix is None or not np.sum(matrix):
        return Plot("confusion_matrix", "No galaxy of the test split has both a label and a probability.")
    counts = np.asarray(matrix)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    names = [CLASS_NAMES[SPIRAL], CLASS_NAMES[ELLIPTICAL]]
    with drawing("confusion_matrix", 2.9, png=True) as drawn:
        axes = drawn.figure.add_subplot()
        axes.pcolormesh(shares, cmap="Blues", vmin=0, vmax=1, edgecolors="#888888", linewidth=1)
        for row, column in np.ndindex(2, 2):
            share = shares[row, column]
            text = f"{counts[row, column]:,}\n{share:.1%}"
            colour = "#ffffff" if share > 0.5 else "#000000"
            axes.text(column + 0.5, row + 0.5, text, ha="center", va="center", color=colour)
        axes.set_xticks([0.5, 1.5], names)
        axes.set_yticks([0.5, 1.5], names, rotation=90, va="center")
        axes.tick_params(length=0)
        axes.invert_yaxis()
        axes.set_aspect("equal")
        axes.spines[:].set_visible(False)
        name_axes(axes, "predicted class", "label")
    lost, taken = int(counts[1, 0]), int(counts[0, 1])
    shown = f"Test galaxies by label and predicted class, at a threshold of {DECISION:g}."
    missing = test["not_finite"]
    if missing:
        shown += f" Left out: {count_of(missing, 'galaxy', 'galaxies')} without a finite probability."
    if not lost + taken:
        return Plot.of("confusion_matrix", drawn, shown, "None is misclassified.")
    wrong = (
        f"{count_of(taken, 'spiral is', 'spirals are')} called elliptical and"
        f" {count_of(lost, 'elliptical is', 'ellipticals are')} called spiral."
    )
    return Plot.of("confusion_matrix", drawn, shown, wrong, figure_text(shares, test["class_chance"]))


def draw_roc(labels: np.ndarray, p: np.ndarray, test: Mapping[str, Any], uncertain: Sequence[float]) -> Plot:
    """Draw the ROC curve with its area and the thresholds in use."""
    if why := why_no_curves(labels, p):
        return Plot("roc", f"There is no ROC curve: {_lowered(why)}")
    false, true, _ = metrics.roc_curve(labels, without_rounding(p))
    chosen, note = thinned(len(false))
    with drawing("roc", 3.5, png=True) as drawn:
        axes = drawn.axes()
        axes.plot([0, 1], [0, 1], color=INK, linewidth=0.8, linestyle=":", label="chance")
        corner = axes.inset_axes((0.54, 0.12, 0.43, 0.3)) if test["auc"] > 0.9 else None
        for plane in filter(None, (axes, corner)):
            plane.plot(false[chosen], true[chosen], color=INK, label=f"area {test['auc']:.4f}")
            for threshold, marker in zip(_thresholds(uncertain), _MARKERS, strict=True):
                x, y = _rates(labels, p, threshold)
                label = f"threshold {threshold:g}"
                plane.plot(x, y, marker, color=MARK, markersize=6, linestyle="", label=label, clip_on=False)
        if corner is not None:
            ends = (0.0, ZOOM / 2, ZOOM)
            corner.set(xlim=(0, ZOOM), ylim=(1 - ZOOM, 1), xticks=ends, yticks=[1 - end for end in ends])
            corner.grid(True)
            corner.tick_params(labelsize=7)
            corner.set_title("upper left corner", fontsize=8)
        axes.set(xlim=(0, 1), ylim=(0, 1.005))
        name_axes(axes, "spirals called elliptical [fraction]", "ellipticals found [fraction]")
        drawn.figure.legend(
            *axes.get_legend_handles_labels(), loc="outside upper center", ncols=3, fontsize=8
        )
    lost, found = _rates(labels, p, DECISION)
    return Plot.of(
        "roc",
        drawn,
        "ROC curve: ellipticals found against spirals called elliptical, as shares, for all thresholds.",
        f"The area under it (AUC) is {test['auc']:.4f}{within(test['intervals']['auc'])}. At a threshold of"
        f" {DECISION:g}, {format_percent(found)} of the ellipticals are found and {format_percent(lost)} of"
        " the spirals are called elliptical.",
        _flat(p),
        note,
    )


def draw_precision_recall(labels: np.ndarray, p: np.ndarray, test: Mapping[str, Any]) -> Plot:
    """Draw precision against recall of ellipticals."""
    if why := why_no_curves(labels, p):
        return Plot("precision_recall", f"There is no precision-recall curve: {_lowered(why)}")
    precision, recall, _ = metrics.precision_recall_curve(labels, without_rounding(p))
    chosen, note = thinned(len(precision))
    share = float(np.mean(labels == ELLIPTICAL))
    with drawing("precision_recall", 2.9, png=True) as drawn:
        axes = drawn.axes()
        axes.axhline(share, color=INK, linewidth=0.8, linestyle=":", label="chance")
        label = f"average precision {test['auc_pr']:.4f}"
        axes.plot(recall[chosen], precision[chosen], color=INK, drawstyle="steps-post", label=label)
        axes.set(xlim=(0, 1.005), ylim=(min(share, precision.min()) * 0.95, 1.005))
        name_axes(axes, "recall of ellipticals [fraction]", "precision [fraction]")
        drawn.figure.legend(loc="outside upper center", ncols=2, fontsize=8)
    complete = float(recall[precision >= 0.99].max()) if (precision[:-1] >= 0.99).any() else 0.0
    conclusion = (
        f"A sample of ellipticals that is 99 % pure can contain {format_percent(complete)} of them."
        if complete
        else "No threshold gives a sample of ellipticals that is 99 % pure."
    )
    return Plot.of(
        "precision_recall",
        drawn,
        "Purity (precision) of the galaxies called elliptical against their completeness (recall).",
        f"Average precision {test['auc_pr']:.4f}{within(test['intervals']['auc_pr'])}.",
        conclusion,
        note,
    )


def draw_thresholds(labels: np.ndarray, p: np.ndarray, uncertain: Sequence[float]) -> Plot:
    """Draw precision and recall of ellipticals against the threshold, with those in use."""
    if why := why_no_curves(labels, p):
        return Plot("thresholds", f"There are no curves over the threshold: {_lowered(why)}")
    precision, recall, thresholds = metrics.precision_recall_curve(labels, p)
    chosen, note = thinned(len(thresholds))
    with drawing("thresholds", 2.9, png=True) as drawn:
        axes = drawn.axes()
        x = thresholds[chosen]
        axes.plot(x, precision[chosen], color=INK, drawstyle="steps-pre", label="precision")
        axes.plot(x, recall[chosen], "--", color=SUGGESTED, drawstyle="steps-pre", label="recall")
        _mark_thresholds(axes, uncertain)
        axes.set_xlim(0, 1)
        axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=None))
        name_axes(axes, "threshold in the probability of elliptical", "ellipticals")
        drawn.figure.legend(loc="outside upper center", ncols=3, fontsize=8)
    low, _, high = (_at(labels, p, threshold) for threshold in _thresholds(uncertain))
    return Plot.of(
        "thresholds",
        drawn,
        "Precision and recall of ellipticals against the threshold above which a galaxy is called elliptical."
        " The thresholds in use are marked.",
        f"From {uncertain[0]:g} to {uncertain[1]:g}, precision changes from {low[0]} to {high[0]} and recall"
        f" from {low[1]} to {high[1]}.",
        note,
    )


def _mark_thresholds(axes: Axes, uncertain: Sequence[float]) -> None:
    for place, threshold in enumerate(_thresholds(uncertain)):
        label = "in use" if place == 0 else None
        axes.axvline(threshold, color=MARK, linewidth=1.4, linestyle="-.", label=label)


def _thresholds(uncertain: Sequence[float]) -> tuple[float, float, float]:
    return uncertain[0], DECISION, uncertain[1]


def _rates(labels: np.ndarray, p: np.ndarray, threshold: float) -> tuple[float, float]:
    """Return the shares of spirals and of ellipticals above a threshold."""
    above = p > threshold
    return float(above[labels == SPIRAL].mean()), float(above[labels == ELLIPTICAL].mean())


def _at(labels: np.ndarray, p: np.ndarray, threshold: float) -> tuple[str, str]:
    above = p > threshold
    precision = float((labels[above] == ELLIPTICAL).mean()) if above.any() else None
    return format_measure(precision, 3), format_measure(_rates(labels, p, threshold)[1], 3)


def _flat(p: np.ndarray) -> str:
    return "All probabilities are equal: the model does not separate the classes." if np.ptp(p) == 0 else ""


def _lowered(sentence: str) -> str:
    return sentence[0].lower() + sentence[1:]
