"""Accuracy of each fold."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from evaluation.intervals import wilson
from report.html.svg import INK, MARK, drawing, name_axes
from report.run.figures.plot import Plot


def draw_folds(summary: Mapping[str, Any] | None) -> Plot:
    """Draw the accuracy of each fold with its interval, and mean and standard deviation over the folds.

    Parameters
    ----------
    summary : mapping or None
        Summary of the cross-validation; None if there was none.

    Returns
    -------
    Plot
    """
    folds = [fold for fold in (summary or {}).get("folds", ()) if fold["accuracy"] is not None]
    if summary is None or not folds:
        why = "this run has no cross-validation" if summary is None else "no fold has a score"
        return Plot("folds", f"There is no figure of the folds: {why}.")
    mean, spread = summary["accuracy_mean"], summary["accuracy_std"]
    with drawing("folds", 1.1 + 0.27 * len(folds), png=True) as drawn:
        axes = drawn.axes()
        places = np.arange(len(folds))[::-1]
        shares = np.array([fold["accuracy"] for fold in folds])
        ends = np.array([wilson(round(fold["accuracy"] * fold["n"]), fold["n"]) for fold in folds])
        errors = np.clip([shares - ends[:, 0], ends[:, 1] - shares], 0, None)
        if mean is not None and spread is not None:
            axes.axvspan(mean - spread, mean + spread, color=MARK, alpha=0.15, linewidth=0, label="± 1 std")
        if mean is not None:
            axes.axvline(mean, color=MARK, linewidth=1.4, linestyle="-.", label=f"mean {mean:.4f}")
            drawn.figure.legend(loc="outside upper center", ncols=2, fontsize=8)
        axes.errorbar(
            shares, places, xerr=errors, color=INK, marker="o", markersize=4, linestyle="", capsize=3
        )
        axes.set_yticks(places, [f"fold {fold['fold']}" for fold in folds])
        axes.set_ylim(-0.6, len(folds) - 0.4)
        axes.grid(False, axis="y")
        name_axes(axes, "accuracy [fraction of galaxies]", "")
    return Plot.of(
        "folds",
        drawn,
        "Accuracy of each fold on its held-out galaxies, with 95 % Wilson intervals.",
        _conclusion(folds, mean, spread),
    )


def _conclusion(folds: list[Mapping[str, Any]], mean: float | None, spread: float | None) -> str:
    if mean is None:
        return "Not every fold has an accuracy, so there is no mean and no standard deviation."
    if spread is None:
        return "With one fold there is no standard deviation."
    # Standard deviation expected from the sample sizes if all folds were equally difficult.
    chance = float(np.sqrt(np.mean([mean * (1 - mean) / fold["n"] for fold in folds])))
    found = (
        f"Their standard deviation is {spread:.4f}; {chance:.4f} would be expected from the numbers of"
        " galaxies alone."
    )
    if spread > 2 * chance:
        return f"{found} Some folds are harder than others."
    return f"{found} No fold stands out."
