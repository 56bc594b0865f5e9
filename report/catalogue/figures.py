"""Figures of the page of a classified survey."""

import numpy as np
from markupsafe import Markup
from matplotlib.ticker import FuncFormatter, PercentFormatter

from evaluation.formats.catalogue import UNLIKE_FROM
from evaluation.intervals import wilson
from report.catalogue.statistics import (
    CLASSES,
    MAGNITUDE_EDGES,
    NOVELTY_EDGES,
    PROBABILITY_EDGES,
    CatalogueStatistics,
)
from report.html.svg import CLASS_COLOURS, CLASS_DASHES, CLASS_MARKERS, INK, drawing, mark, name_axes

FEWEST = 20
"""Objects of a bin of magnitude; neighbouring bins with fewer are joined."""


def draw_probabilities(statistics: CatalogueStatistics, limits: tuple[float, float]) -> Markup:
    """Draw the histogram of the probability of elliptical, with the limits of the classes."""
    with drawing("probabilities") as drawn:
        axes = drawn.axes()
        for name, counts in zip(CLASSES, statistics.probabilities, strict=True):
            axes.stairs(
                counts, PROBABILITY_EDGES, color=CLASS_COLOURS[name], linestyle=CLASS_DASHES[name], label=name
            )
        for place, limit in enumerate(limits):
            mark(axes, limit, "" if place else "limits of uncertain")
        axes.set_yscale("symlog", linthresh=10)
        axes.set_ylim(0, max(2.0, 1.5 * float(statistics.probabilities.max())))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
        name_axes(axes, "probability of elliptical", "objects")
        drawn.figure.legend(loc="outside upper center", ncols=4, fontsize=8)
    return drawn.svg


def draw_novelty(statistics: CatalogueStatistics) -> Markup | None:
    """Draw the histogram of the novelty as shares of the objects; None if it is unknown."""
    if not statistics.with_novelty:
        return None
    shares = statistics.novelties.sum(0) / statistics.with_novelty
    with drawing("novelty") as drawn:
        axes = drawn.axes()
        axes.stairs(shares, NOVELTY_EDGES, color=INK, label="this survey")
        even = 1 / len(shares)
        axes.axhline(even, color=INK, linewidth=1, linestyle=":", label="validation galaxies")
        mark(axes, UNLIKE_FROM, f"novelty {UNLIKE_FROM:g}")
        axes.set_ylim(0)
        axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=1))
        name_axes(axes, "novelty", "objects")
        drawn.figure.legend(loc="outside upper center", ncols=3, fontsize=8)
    return drawn.svg


def draw_fractions(statistics: CatalogueStatistics) -> Markup | None:
    """Draw the fraction of each class against magnitude with 95 % intervals; None without magnitudes."""
    edges, counts = _joined(statistics.magnitudes)
    totals = counts.sum(0)
    if not totals.any():
        return None
    middles = (edges[:-1] + edges[1:]) / 2
    step = 0.06 * float(np.median(np.diff(edges)))
    with drawing("fractions", 2.8) as drawn:
        axes = drawn.axes()
        for place, name in enumerate(CLASSES):
            shares = counts[place] / totals
            ends = np.array(
                [wilson(int(n), int(total)) for n, total in zip(counts[place], totals, strict=True)]
            )
            axes.errorbar(
                middles + (place - 1) * step,
                shares,
                np.abs(ends.T - shares),
                color=CLASS_COLOURS[name],
                linestyle=CLASS_DASHES[name],
                marker=CLASS_MARKERS[name],
                markersize=3.5,
                linewidth=1.2,
                elinewidth=0.8,
                label=name,
            )
        axes.set_ylim(0, 1)
        axes.yaxis.set_major_formatter(PercentFormatter(1.0))
        name_axes(axes, "magnitude [mag]", "objects of the bin")
        drawn.figure.legend(loc="outside upper center", ncols=3)
    return drawn.svg


def _joined(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Join neighbouring bins until each has `FEWEST` objects, and leave out empty ends.

    Returns
    -------
    edges : numpy.ndarray, shape (bins + 1,)
    counts : numpy.ndarray, shape (classes, bins)
    """
    filled = np.flatnonzero(counts.sum(0))
    if not len(filled):
        return np.empty(0), counts[:, :0]
    edges, columns = [MAGNITUDE_EDGES[filled[0]]], []
    waiting = np.zeros(len(counts), counts.dtype)
    for place in range(filled[0], filled[-1] + 1):
        waiting = waiting + counts[:, place]
        if waiting.sum() >= FEWEST:
            columns.append(waiting)
            edges.append(MAGNITUDE_EDGES[place + 1])
            waiting = np.zeros(len(counts), counts.dtype)
    if waiting.sum():
        end = MAGNITUDE_EDGES[filled[-1] + 1]
        if columns:
            columns[-1] = columns[-1] + waiting
            edges[-1] = end
        else:
            columns.append(waiting)
            edges.append(end)
    return np.array(edges), np.stack(columns, 1)
