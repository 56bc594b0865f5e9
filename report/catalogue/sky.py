"""Where on the sky the objects are: all of it, or a patch."""

from typing import Any

import numpy as np
from markupsafe import Markup
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm, Normalize
from matplotlib.patches import PathPatch
from matplotlib.path import Path
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter

from report.catalogue.statistics import CELL, CLASSES, CatalogueStatistics
from report.html.svg import CLASS_COLOURS, CLASS_MARKERS, drawing, name_axes

_SHADES = 32
_POLE = np.pi / 2 - 1e-6  # the projection is not defined at the pole [rad]

LARGE = 60.0
"""A survey whose objects lie farther apart than this is drawn on the whole sky [deg]."""


def draw_sky(statistics: CatalogueStatistics) -> tuple[Markup, bool] | None:
    """Draw the positions.

    Parameters
    ----------
    statistics : CatalogueStatistics

    Returns
    -------
    (Markup, bool) or None
        The figure, and whether it is a map of the whole sky; None if no position is known.
    """
    if not statistics.placed:
        return None
    lines, columns = np.nonzero(statistics.sky)
    width = CELL * (statistics.sky.shape[1] - _widest_gap(columns, statistics.sky.shape[1]))
    height = CELL * (np.ptp(lines) + 1)
    # Near a pole a small area has all right ascensions.
    nearest = np.abs(lines * CELL - 90 + CELL / 2).max()
    whole = max(height, width * np.cos(np.radians(min(nearest, 90)))) > LARGE or width > 180
    return (_whole_sky(statistics) if whole else _patch(statistics)), bool(whole)


def _widest_gap(columns: np.ndarray, count: int) -> int:
    """Return the number of successive cells of right ascension without an object, across 0 as well."""
    found = np.unique(columns)
    return int(np.diff(np.append(found, found[0] + count)).max()) - 1


def _whole_sky(statistics: CatalogueStatistics) -> Markup:
    lines, columns = np.nonzero(statistics.sky)
    low, left = lines * CELL - 90, columns * CELL
    area = np.degrees(1) * CELL * (np.sin(np.radians(low + CELL)) - np.sin(np.radians(low)))
    density = statistics.sky[lines, columns] / area
    # Right ascension grows to the left, and 180 degrees are in the middle.
    east, west = np.radians(180 - left - CELL), np.radians(180 - left)
    south, north = np.radians(low), np.radians(low + CELL)
    south, north = np.clip(south, -_POLE, _POLE), np.clip(north, -_POLE, _POLE)
    corners = np.stack(
        [np.stack([x, y], -1) for x, y in ((east, south), (west, south), (west, north), (east, north))], 1
    )
    with drawing("sky", 3.1) as drawn:
        axes: Any = drawn.axes(projection="mollweide")
        axes.set_axisbelow(False)
        low_end, high_end = float(density.min()), float(density.max())
        norm = LogNorm(low_end, high_end) if high_end > 20 * low_end else Normalize(0, high_end)
        # Projected here: matplotlib would bend every edge, which makes the page a hundred times as large.
        flat = axes.transProjection.transform(corners.reshape(-1, 2)).reshape(corners.shape)
        colours = ScalarMappable(norm, "viridis")
        # One path for each shade: thousands of single ones take ten seconds to draw.
        shades = np.clip(norm(density) * _SHADES, 0, _SHADES - 1).astype(int)
        for shade in np.unique(shades):
            colour = colours.cmap((shade + 0.5) / _SHADES)
            path = Path.make_compound_path_from_polys(flat[shades == shade])
            axes.add_patch(
                PathPatch(path, facecolor=colour, edgecolor=colour, linewidth=0.2,
                          transform=axes.transAffine + axes.transAxes)
            )  # fmt: skip
        degrees = np.arange(-120, 121, 60)
        axes.set_xticks(np.radians(degrees), [f"{180 - degree}°" for degree in degrees], fontsize=7)
        axes.tick_params(axis="y", labelsize=7)
        bar = drawn.figure.colorbar(colours, ax=axes, orientation="horizontal", shrink=0.7, aspect=35)
        bar.set_label("objects per square degree")
        bar.ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        bar.ax.xaxis.set_minor_formatter(NullFormatter())
    return drawn.svg


def _patch(statistics: CatalogueStatistics) -> Markup:
    ra, dec, kinds = statistics.points
    middle = float(np.degrees(np.angle(np.exp(1j * np.radians(ra)).mean())))
    offset = middle + (ra - middle + 180) % 360 - 180
    size = float(np.clip(3000 / len(ra), 2, 9))
    with drawing("sky", 3.1) as drawn:
        axes = drawn.axes()
        for place, name in enumerate(CLASSES):
            if (kinds == place).any():
                axes.scatter(
                    offset[kinds == place], dec[kinds == place], s=size, marker=CLASS_MARKERS[name],
                    color=CLASS_COLOURS[name], alpha=0.7, lw=0.6, label=name,
                )  # fmt: skip
        axes.invert_xaxis()
        axes.set_aspect(1 / max(np.cos(np.radians(float(np.median(dec)))), 0.05), adjustable="datalim")
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value % 360:.6g}"))
        axes.xaxis.set_major_locator(MaxNLocator(5))
        name_axes(axes, "right ascension [deg]", "declination [deg]")
        drawn.figure.legend(loc="outside upper center", ncols=3, markerscale=max(1.0, 5 / size))
    return drawn.svg
