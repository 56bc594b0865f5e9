"""The calibration curve."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from evaluation.calibration import off_diagonal
from evaluation.intervals import wilson
from report.html.formats import count_of, format_measure
from report.html.svg import INK, MARK, drawing, name_axes
from report.run.figures.plot import Plot, count_axis, within


def draw_calibration(numbers: Mapping[str, Any], interval: Sequence[float] | None) -> Plot:
    """Draw the share of ellipticals against the probability, without and with a temperature.

    Parameters
    ----------
    numbers : mapping
        See `report.run.calibration_numbers.calibration_numbers`.
    interval : (float, float) or None
        Of the calibration error of the exported model.

    Returns
    -------
    Plot
    """
    plain, scaled, temperature = numbers["without"], numbers["with"], numbers["temperature"]
    if not plain["curve"]:
        return Plot("calibration", "There is no calibration curve: no test galaxy has a probability.")
    with drawing("calibration", 3.9, png=True) as drawn:
        grid = drawn.figure.add_gridspec(2, 1, height_ratios=(3, 1))
        axes = drawn.axes(subplotspec=grid[0])
        axes.plot([0, 1], [0, 1], color=INK, linewidth=0.8, linestyle=":", label="calibrated")
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
        "Share of ellipticals among test galaxies of about equal probability (bars: 95 % Wilson intervals of"
        " the exported model, each for itself), and how many there are.",
        _conclusion(numbers, interval),
    )


def _draw_curve(
    axes: Axes, curve: Sequence[Mapping[str, Any]], label: str, *, bars: bool, **looks: Any
) -> None:
    x = [bin_["mean_p"] for bin_ in curve]
    share = np.array([bin_["share"] for bin_ in curve])
    ends = np.array([wilson(round(bin_["share"] * bin_["n"]), bin_["n"]) for bin_ in curve])
    errors = np.clip([share - ends[:, 0], ends[:, 1] - share], 0, None)
    # No lines: between bins of few galaxies they would lead the eye from scatter to scatter.
    looks = {"markersize": 4, "linestyle": "", **looks}
    if bars:
        axes.errorbar(x, share, yerr=errors, label=label, elinewidth=0.8, capsize=2, **looks)
    else:
        axes.plot(x, share, label=label, **looks)


def _conclusion(numbers: Mapping[str, Any], interval: Sequence[float] | None) -> str:
    plain, scaled = numbers["without"], numbers["with"]
    exported = scaled if numbers["exported"] else plain
    if exported["ece"] is None:
        return "Some galaxies have no finite probability and are left out; there is no calibration error."
    where = _where(exported["curve"])
    off = format_measure(exported["ece"])
    return f"On average a probability is off by {off}{within(interval)}; {where}"


def _where(curve: Sequence[Mapping[str, Any]]) -> str:
    """Say which bins lie off the diagonal by more than chance."""
    off = off_diagonal(curve)
    if not off:
        return f"no bin lies farther off the diagonal than chance explains in {count_of(len(curve), 'bin')}."
    # Beyond one half, too sure means farther from it than the share is.
    sure = sum((bin_["mean_p"] - bin_["share"]) * (bin_["mean_p"] - 0.5) > 0 for bin_ in off)
    kind = "too sure" if sure == len(off) else "not sure enough" if not sure else "off to either side"
    bins = f"{len(off)} of {count_of(len(curve), 'bin')} {'lies' if len(off) == 1 else 'lie'}"
    return f"{bins} farther off the diagonal than chance explains in so many, and there the model is {kind}."
