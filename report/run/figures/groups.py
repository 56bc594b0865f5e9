"""Accuracy in groups of galaxies."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from report.html.svg import INK, drawing, mark
from report.run.figures.plot import Plot
from report.topics.groups import figure_text, plain_title


def draw_groups(key: str, numbers: Mapping[str, Any], accuracy: float) -> Plot:
    """Draw the accuracy of groups of galaxies.

    Parameters
    ----------
    key : str
        Key of the property by which galaxies are grouped, one word.
    numbers : mapping
        One entry of the result of `report.topics.groups.group_numbers`.
    accuracy : float
        Accuracy of all galaxies together.

    Returns
    -------
    Plot
    """
    groups, title, name = numbers["groups"], numbers["title"], f"groups-{key}"
    if len(groups) < 2:
        return Plot(name, f"No groups by {plain_title(title)}: all test galaxies have {groups[0]['title']}.")
    with drawing(name, 1.3 + 0.27 * len(groups), png=True) as drawn:
        axes = drawn.axes()
        places = np.arange(len(groups))[::-1]
        shares = np.array([group["accuracy"] for group in groups])
        ends = np.array([group["interval"] for group in groups])
        errors = np.clip([shares - ends[:, 0], ends[:, 1] - shares], 0, None)
        mark(axes, accuracy, f"all: {accuracy:.3f}")
        axes.errorbar(
            shares, places, xerr=errors, color=INK, marker="o", markersize=4, linestyle="", capsize=3
        )
        axes.set_yticks(places, [f"{group['title']} ({group['n']:,})" for group in groups])
        for text in axes.get_yticklabels():
            text.set_parse_math(False)
        axes.set_ylim(-0.6, len(groups) - 0.4)
        axes.set_xlim(right=1.005)
        axes.grid(False, axis="y")
        # With few groups it would not fit along the axis.
        axes.set_title(title, loc="left", fontsize=9.5)
        drawn.figure.legend(loc="outside lower right", fontsize=8)
        axes.set_xlabel("accuracy [fraction of test galaxies]")
    return Plot.of(
        name,
        drawn,
        f"Accuracy by {plain_title(title)}, with 95 % Wilson intervals and numbers of galaxies.",
        figure_text(numbers),
    )
