"""Distributions of the probability: test split, uncertain galaxies, holdout."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from evaluation.formats.predictions import Predictions
from evaluation.scores import DECISION
from preprocessing.features import CLASS_NAMES, HOLDOUT, NO_LABEL, TEST, UNCERTAIN
from report.html.formats import count_of, format_percent
from report.html.svg import CLASS_COLOURS, INK, MARK, SUGGESTED, Drawing, drawing, name_axes, steps
from report.run.figures.plot import Plot, count_axis
from report.topics import uncertain as uncertain_topic
from report.topics.holdout import holdout_text

BINS = 40
_NAMES = {TEST: "probabilities", UNCERTAIN: "uncertain", HOLDOUT: "holdout"}
_TITLES = {TEST: "test galaxies", UNCERTAIN: "uncertain galaxies", HOLDOUT: "holdout galaxies"}


def draw_probabilities(predictions: Predictions, split: str, numbers: Mapping[str, Any]) -> Plot:
    """Draw the distribution of the probabilities of a split.

    Parameters
    ----------
    predictions : Predictions
    split : str
        ``test``, ``uncertain`` or ``holdout``.
    numbers : mapping
        See `report.topics.numbers.run_numbers`.

    Returns
    -------
    Plot
    """
    name, title = _NAMES[split], _TITLES[split]
    labels, p = predictions.scored(split)
    known = np.isfinite(p)
    if not known.any():
        why = (
            f"none of the {len(p):,} {title} has a finite probability" if len(p) else f"there are no {title}"
        )
        return Plot(name, f"There is no distribution: {why}.")
    decision = numbers["decision"]
    uncertain = decision["fixed"]["low"], decision["fixed"]["high"]
    logarithmic = split != UNCERTAIN  # in the other splits most galaxies are near 0 or 1
    with drawing(name, 2.7, png=True) as drawn:
        axes = _draw(drawn, labels[known], p[known], uncertain, decision["chosen"] if split == TEST else None)
        if logarithmic:
            axes.set_yscale("log")
            axes.set_ylim(bottom=0.7)
        count_axis(axes.yaxis)
    left_out = int((~known).sum())
    note = (
        f"Left out: {count_of(left_out, 'galaxy', 'galaxies')} without a finite probability."
        if left_out
        else ""
    )
    scale = " (logarithmic counts)" if logarithmic else ""
    shown = f"Probabilities of {known.sum():,} {title}{scale}. The shaded interval is called uncertain."
    conclusion = {
        TEST: lambda: _test(labels[known], p[known], uncertain),
        UNCERTAIN: lambda: uncertain_topic.figure_text(numbers),
        HOLDOUT: lambda: holdout_text(numbers),
    }[split]()
    return Plot.of(name, drawn, shown, conclusion, note)


def _draw(
    drawn: Drawing,
    labels: np.ndarray,
    p: np.ndarray,
    uncertain: Sequence[float],
    chosen: Mapping[str, Any] | None,
) -> Axes:
    axes = drawn.axes()
    axes.axvspan(
        *uncertain, color=MARK, alpha=0.15, linewidth=0, label=f"{uncertain[0]:g} to {uncertain[1]:g}"
    )
    axes.axvline(DECISION, color=INK, linewidth=0.8, linestyle=":")
    if chosen is not None:
        for place, key in enumerate(("low", "high")):
            once = "fitted interval" if place == 0 else None
            axes.axvline(chosen[key], color=SUGGESTED, linewidth=1.2, linestyle="-.", label=once)
    edges = np.linspace(0, 1, BINS + 1)
    for label, name in CLASS_NAMES.items():
        steps(axes, p[labels == label], edges, name)
        if label == NO_LABEL and (labels == label).any():
            counts, _ = np.histogram(p[labels == label], edges)
            axes.stairs(counts, edges, fill=True, color=CLASS_COLOURS[name], alpha=0.3)
    axes.set_xlim(0, 1)
    name_axes(axes, "probability of elliptical", "galaxies")
    drawn.figure.legend(loc="outside upper center", ncols=4, fontsize=8)
    return axes


def _share_within(p: np.ndarray, interval: Sequence[float]) -> float:
    return float(np.mean((p >= interval[0]) & (p <= interval[1])))


def _test(labels: np.ndarray, p: np.ndarray, uncertain: Sequence[float]) -> str:
    if np.ptp(p) == 0:
        return f"All probabilities are {p[0]:.3g}: the model does not separate the classes."
    sure = np.abs(p - DECISION) > 0.4
    wrong = int((sure & ((p > DECISION) != (labels == 1))).sum())
    return (
        f"{format_percent(_share_within(p, uncertain))} of them are in it;"
        f" {format_percent(float(sure.mean()))} are below 0.1 or above 0.9, of which {wrong:,}"
        f" {'is' if wrong == 1 else 'are'} misclassified."
    )
