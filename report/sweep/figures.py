"""Figures of the sweep page: heat maps, and a dot plot if only one axis varies."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup
from matplotlib import colormaps
from matplotlib.colors import to_hex
from matplotlib.ticker import MaxNLocator

from report.html.svg import INK, MARK, drawing
from report.sweep.points import describe, is_number
from report.sweep.results import PointResult, SweepResults

_COLOURS = colormaps["cividis"]  # readable with every kind of colour vision, and in grey
_FOLDS = "#8c8c8c"


@dataclass(frozen=True)
class Cell:
    """A cell of a heat map.

    Attributes
    ----------
    result : PointResult
    fill, ink : str
        Colours of background and text; empty without a number.
    best : bool
    """

    result: PointResult
    fill: str = ""
    ink: str = ""
    best: bool = False


@dataclass(frozen=True)
class HeatMap:
    """Accuracies over two axes.

    Attributes
    ----------
    title : str
        The values of all other axes.
    down, across : str
        Names of the axes.
    columns : tuple of str
    rows : list of (str, list of Cell)
    """

    title: str
    down: str
    across: str
    columns: tuple[str, ...]
    rows: list[tuple[str, list[Cell]]]


@dataclass(frozen=True)
class Scale:
    """The colours of all heat maps of a page; `stops` are colours from `low` to `high`."""

    low: float
    high: float

    @property
    def stops(self) -> list[str]:
        """Colours at equal distances."""
        return [to_hex(_COLOURS(share / 8)) for share in range(9)]

    def colours(self, accuracy: float) -> tuple[str, str]:
        """Return the colours of background and text for an accuracy."""
        share = (accuracy - self.low) / (self.high - self.low) if self.high > self.low else 1.0
        ground = _COLOURS(share)
        # Relative luminance of WCAG 2; at 0.18 black and white have equal contrast with the background.
        linear = [((part + 0.055) / 1.055) ** 2.4 if part > 0.04 else part / 12.92 for part in ground[:3]]
        luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
        return to_hex(ground), "#000000" if luminance > 0.18 else "#ffffff"


def varied(axes: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the axes that have more than one value."""
    return [name for name, values in axes.items() if len(values) > 1]


def colour_scale(results: SweepResults) -> Scale | None:
    """Return the scale of all accuracies; None without any."""
    accuracies = [
        result.cross_validation["accuracy_mean"] for result in results.results if result.cross_validation
    ]
    return Scale(min(accuracies), max(accuracies)) if accuracies else None


def heat_maps(results: SweepResults, scale: Scale | None) -> list[list[HeatMap]]:
    """Return the heat maps of a grid in which at least two axes vary.

    Parameters
    ----------
    results : SweepResults
    scale : Scale or None
        None if no point is done; then there are no maps.

    Returns
    -------
    list of list of HeatMap
        Rows and columns are two axes, preferably numeric ones. There is a map for each combination of values
        of the other axes; maps in the same list differ only in the last axis.
    """
    names = varied(results.axes)
    if len(names) < 2 or scale is None:
        return []
    numeric = [name for name in names if all(map(is_number, results.axes[name]))]
    chosen = (numeric + [name for name in names if name not in numeric])[:2]
    down, across = sorted(chosen, key=names.index)
    others = [name for name in names if name not in chosen]
    by_values = {tuple(result.point.values[name] for name in names): result for result in results.results}
    best = results.best

    def cell(values: Mapping[str, str]) -> Cell:
        result = by_values[tuple(values[name] for name in names)]
        if result.cross_validation is None:
            return Cell(result)
        colours = scale.colours(result.cross_validation["accuracy_mean"])
        return Cell(result, *colours, result is best)

    maps = []
    for combination in itertools.product(*(results.axes[name] for name in others)):
        fixed = dict(zip(others, combination, strict=True))
        rows = [
            (row, [cell({**fixed, down: row, across: column}) for column in results.axes[across]])
            for row in results.axes[down]
        ]
        maps.append(HeatMap(describe(fixed), down, across, results.axes[across], rows))
    together = len(results.axes[others[-1]]) if others else 1
    return [maps[start : start + together] for start in range(0, len(maps), together)]


def draw_dots(results: SweepResults) -> Markup | None:
    """Draw means, standard deviations and folds; None if two axes vary, or no point is done."""
    names = varied(results.axes)
    done = [(place, result) for place, result in enumerate(results.results) if result.cross_validation]
    if len(names) > 1 or not done:
        return None
    count, best = len(results.results), results.best
    with drawing("dots", 1.2 + 0.36 * count) as drawn:
        axes = drawn.axes()
        in_legend: set[str] = set()

        def legend_label(label: str) -> str | None:
            """Return a label for the legend the first time, then None."""
            new = label not in in_legend
            in_legend.add(label)
            return label if new else None

        for place, result in done:
            found, y = result.cross_validation or {}, count - 1 - place
            folds = [fold["accuracy"] for fold in found["folds"]]
            heights = [y - 0.24] * len(folds)
            axes.plot(folds, heights, "|", markersize=7, color=_FOLDS, label=legend_label("each fold"))
            looks = (MARK, "D", "the best") if result is best and count > 1 else (INK, "o", "mean and std")
            colour, marker, label = looks
            axes.errorbar(
                found["accuracy_mean"],
                y,
                xerr=found["accuracy_std"],
                color=colour,
                marker=marker,
                markersize=5,
                linestyle="",
                capsize=3,
                label=legend_label(label),
            )
        axes.set_yticks(range(count), [_tick(names, result) for result in results.results[::-1]])
        for text in axes.get_yticklabels():
            text.set_parse_math(False)  # a dollar in a path is no formula
        axes.set_ylim(-0.6, count - 0.4)
        axes.xaxis.set_major_locator(MaxNLocator(5))
        axes.grid(False, axis="y")
        axes.set_xlabel("accuracy")
        if names:
            axes.set_ylabel(names[0])
        drawn.figure.legend(loc="outside upper center", ncols=3, fontsize=8)
    return drawn.svg


def _tick(names: Sequence[str], result: PointResult) -> str:
    text = result.point.values[names[0]] if names else result.point.label
    return text if result.state == "done" else f"{text} ({result.state})"
