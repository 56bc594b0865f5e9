"""Probabilities of two runs against each other."""

import numpy as np
from markupsafe import Markup

from evaluation.scores import DECISION
from preprocessing.features import CLASS_NAMES, ELLIPTICAL, SPIRAL
from report.comparison.pairs import Pair
from report.html.formats import format_count
from report.html.svg import CLASS_COLOURS, CLASS_MARKERS, INK, drawing, name_axes

MOST_POINTS = 1500
EDGE = 1e-3
"""Probabilities nearer to 0 or 1 than this are drawn at this distance."""


def draw_probabilities(pair: Pair) -> tuple[Markup, str]:
    """Draw the probabilities of two runs against each other.

    Parameters
    ----------
    pair : Pair

    Returns
    -------
    Markup
        Empty if no galaxy has a finite probability by both runs.
    str
        The caption.
    """
    common, one, other = pair.common, pair.one.letter, pair.other.letter
    known = np.flatnonzero(np.isfinite(common.one) & np.isfinite(common.other))
    if not len(known):
        return Markup(), "No common galaxy has a finite probability by both runs."
    drawn_rows = np.random.default_rng(0).permutation(known)[:MOST_POINTS]
    with drawing(f"probabilities-{one}-{other}", 4.2) as drawn:
        axes = drawn.axes()
        axes.plot([EDGE, 1 - EDGE], [EDGE, 1 - EDGE], color=INK, linewidth=0.8, linestyle=":")
        for label in (SPIRAL, ELLIPTICAL):
            rows = drawn_rows[common.labels[drawn_rows] == label]
            x, y = (np.clip(p[rows], EDGE, 1 - EDGE) for p in (common.other, common.one))
            name = CLASS_NAMES[label]
            axes.plot(
                *(x, y, CLASS_MARKERS[name]),
                color=CLASS_COLOURS[name],
                markersize=4,
                markerfacecolor="none",
                label=name,
            )
        for line in (axes.axvline, axes.axhline):
            line(DECISION, color=INK, linewidth=0.8)
        axes.set(xscale="logit", yscale="logit", xlim=(EDGE / 2, 1 - EDGE / 2), ylim=(EDGE / 2, 1 - EDGE / 2))
        axes.minorticks_off()
        ticks = [0.001, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999]
        axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        axes.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
        axes.set_aspect("equal")
        name_axes(axes, f"probability of elliptical by {other}", f"probability of elliptical by {one}")
        drawn.figure.legend(loc="outside upper center", ncols=2, fontsize=8)
    sample = ""
    if len(drawn_rows) < len(known):
        sample = (
            f" A random sample of {format_count(len(drawn_rows))} of {format_count(len(known))} is drawn."
        )
    return drawn.svg, (
        f"Probability of elliptical by {one} against that by {other}, by label. In the upper left and lower"
        f" right quarters the two runs disagree.{sample}"
    )
