"""Distribution of the distance from the training galaxies."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.ticker import FuncFormatter

from evaluation.formats.catalogue import UNLIKE_FROM
from evaluation.formats.predictions import Predictions
from preprocessing.features import HOLDOUT, SPLITS, TEST, UNCERTAIN
from report.html.svg import INK, MARK, SUGGESTED, drawing, name_axes
from report.run.figures.plot import Plot
from report.topics.novelty import SHOWN_SPLITS, novelty_text

BINS = 40
_LOOKS = {TEST: (INK, "-"), UNCERTAIN: (SUGGESTED, ":"), HOLDOUT: (MARK, "--")}


def draw_novelty(predictions: Predictions, numbers: Mapping[str, Any]) -> Plot:
    """Draw the distances of the splits that the network did not learn from.

    Parameters
    ----------
    predictions : Predictions
    numbers : mapping
        See `report.topics.numbers.run_numbers`.

    Returns
    -------
    Plot
    """
    distances = {
        split: predictions.novelty_distance[predictions.splits == SPLITS.index(split)]
        for split in SHOWN_SPLITS
    }
    distances = {split: values[np.isfinite(values)] for split, values in distances.items()}
    distances = {split: values for split, values in distances.items() if len(values)}
    if not distances:
        return Plot("novelty", novelty_text(numbers))
    every = np.concatenate(list(distances.values()))
    edges = np.geomspace(max(every.min(), 1e-3), max(every.max(), 1e-2) * 1.01, BINS + 1)
    with drawing("novelty", 2.7, png=True) as drawn:
        axes = drawn.axes()
        for split, values in distances.items():
            colour, dashes = _LOOKS[split]
            share = np.full(len(values), 1 / len(values))
            counts, _ = np.histogram(values, edges, weights=share)
            axes.stairs(counts, edges, color=colour, linestyle=dashes, linewidth=1.4, label=split)
        axes.set_xscale("log")
        axes.set_xlim(edges[0], edges[-1])
        for set_format in (axes.xaxis.set_major_formatter, axes.xaxis.set_minor_formatter):
            set_format(FuncFormatter(lambda value, _: f"{value:g}"))
        limit = _limit(predictions)
        if limit is not None:
            axes.axvline(limit, color=INK, linewidth=0.8, linestyle=":", label=f"novelty {UNLIKE_FROM:g}")
        name_axes(axes, "distance from the training galaxies", "galaxies [fraction]")
        drawn.figure.legend(loc="outside upper center", ncols=4, fontsize=8)
    return Plot.of(
        "novelty",
        drawn,
        "Distance from the training galaxies in the network's features; it is about 1 for the training"
        " galaxies.",
        novelty_text(numbers),
    )


def _limit(predictions: Predictions) -> float | None:
    """Return the smallest distance with a novelty of `UNLIKE_FROM`; None if no galaxy has it."""
    beyond = predictions.novelty_distance[predictions.novelty >= UNLIKE_FROM]
    return float(beyond.min()) if len(beyond) else None
