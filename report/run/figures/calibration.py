"""The reliability diagram."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from evaluation.intervals import wilson
from report.html.svg import INK, MARK, drawing, name_axes
from report.run.figures.plot import Plot, count_axis
from report.topics.calibration import figure_text


def draw_calibration(numbers: Mapping[str, Any], interval: Sequence[float] | None) -> Plot:
    """Draw the share of ellipticals against the probability, without and with a temperature.

    Parameters
    ----------
    numbers : mapping
        See `report.topics.calibration.calibration_numbers`.
    interval : (float, float) or None
        Confidence interval of the calibration error of the exported model.

    Returns
    -------
    Plot
    """
    plain, scaled, temperature = numbers["without"], numbers["with"], numbers["temperature"]
    if not plain["curve"]:
        return Plot("calibration", "There is no reliability diagram: no test galaxy has a probability.")
    with drawing("calibration", 3.9, png=True) as drawn:
        grid = drawn.figure.add_gridspec(2, 1, height_ratios=(3, 1))
        axes = drawn.axes(subplotspec=grid[0])
        axes.plot([0, 1], [0, 1], color=INK, linewidth=0.8, linestyle=":", label="perfect calibration")
        label = "without temperature" if numbers["exported"] else "the model"
        _draw_curve(axes, plain["curve"], label, bars=not numbers["exported"], color=INK, marker="o")
        if scaled is not None:
            label = f"temperature {temperature:.2f}"
            _draw_curve(axes, scaled["curve"], label, bars=numbers["exported"], color=MARK, marker="D")
        axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
        axes.tick_params(labelbottom=False)
        name_axes(axes, "", "ellipticals [fraction]")
        below = drawn.axes(subplotspec=grid[1], sharex=axes)
        curve = (scaled if numbers["exported"] and scaled else plain)["curve"]
        below.bar(
            [bin_["mean_p"] for bin_ in curve], [bin_["n"] for bin_ in curve], 0.03, color=INK, alpha=0.6
        )
        below.set_yscale("log")
        count_axis(below.yaxis)
        name_axes(below, "mean probability of elliptical in the bin", "galaxies")
        drawn.figure.legend(
            *axes.get_legend_handles_labels(), loc="outside upper center", ncols=3, fontsize=8
        )
    return Plot.of(
        "calibration",
        drawn,
        "Reliability diagram: share of ellipticals among test galaxies of similar probability, with 95 %"
        " Wilson intervals for the exported model. Below, the number of galaxies in each bin.",
        figure_text(numbers, interval),
    )


def _draw_curve(
    axes: Axes, curve: Sequence[Mapping[str, Any]], label: str, *, bars: bool, **looks: Any
) -> None:
    x = [bin_["mean_p"] for bin_ in curve]
    share = np.array([bin_["share"] for bin_ in curve])
    ends = np.array([wilson(round(bin_["share"] * bin_["n"]), bin_["n"]) for bin_ in curve])
    errors = np.clip([share - ends[:, 0], ends[:, 1] - share], 0, None)
    # No lines between the points: they would emphasize the scatter of bins with few galaxies.
    looks = {"markersize": 4, "linestyle": "", **looks}
    if bars:
        axes.errorbar(x, share, yerr=errors, label=label, elinewidth=0.8, capsize=2, **looks)
    else:
        axes.plot(x, share, label=label, **looks)
