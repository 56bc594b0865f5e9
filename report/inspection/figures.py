"""Figures of the inspection page."""

from collections.abc import Mapping, Sequence

import numpy as np
from markupsafe import Markup
from matplotlib.ticker import MaxNLocator, PercentFormatter

from preprocessing.features import CLASS_NAMES
from preprocessing.labels.reading import LabelledObject
from preprocessing.settings import ImageSettings
from report.html.svg import (
    CLASS_COLOURS,
    CLASS_MARKERS,
    INK,
    MARK,
    SUGGESTED,
    drawing,
    mark,
    name_axes,
    steps,
)
from report.inspection.advice import Suggestion, brightness, peak_intensities
from report.inspection.measures import PixelHistogram
from report.inspection.survey import BandSurvey, Survey

MOST_POINTS = 3000
"""Largest number of points drawn on the sky map."""

_PIXEL_TICKS = np.array([-100, -10, -3, 0, 3, 10, 100, 1000, 10000, 100000])


def draw_votes(objects: Sequence[LabelledObject], threshold: float) -> Markup | None:
    """Draw the vote fractions of both classes and the threshold; None without votes."""
    votes = {
        "spiral": _finite([entry.vote_spiral for entry in objects]),
        "elliptical": _finite([entry.vote_elliptical for entry in objects]),
    }
    if not any(fractions.size for fractions in votes.values()):
        return None
    with drawing("votes") as drawn:
        axes = drawn.axes()
        for name, fractions in votes.items():
            steps(axes, fractions, np.linspace(0, 1, 26), name)
        mark(axes, threshold, f"threshold {threshold:g}")
        name_axes(axes, "debiased fraction of the votes", "objects")
        axes.legend()
    return drawn.svg


def draw_magnitudes(objects: Sequence[LabelledObject]) -> Markup | None:
    """Draw the magnitudes of each class; None without magnitudes."""
    magnitudes = {
        name: _finite([entry.magnitude for entry in objects if entry.label == label])
        for label, name in CLASS_NAMES.items()
    }
    everything = np.concatenate(list(magnitudes.values()))
    if not everything.size:
        return None
    low, high = np.percentile(everything, (0.5, 99.5))
    with drawing("magnitudes") as drawn:
        axes = drawn.axes()
        for name, values in magnitudes.items():
            steps(axes, values, np.linspace(low - 0.1, high + 0.1, 31), name)
        name_axes(axes, "magnitude [mag]", "objects")
        axes.legend()
    return drawn.svg


def draw_sky(objects: Sequence[LabelledObject], seed: int) -> tuple[Markup, int, int] | None:
    """Draw the positions of the objects, on an all-sky map if they cover a large area.

    Parameters
    ----------
    objects : sequence of LabelledObject
    seed : int
        Seed of the selection if there are more than `MOST_POINTS`.

    Returns
    -------
    (Markup, int, int) or None
        The figure, the number of points drawn and the number of objects with a position; None without
        positions.
    """
    placed = [e for e in objects if np.isfinite(e.ra) and np.isfinite(e.dec) and abs(e.dec) <= 90]
    if not placed:
        return None
    total = len(placed)
    if total > MOST_POINTS:
        chosen = np.random.default_rng(seed).choice(total, MOST_POINTS, replace=False)
        placed = [placed[index] for index in np.sort(chosen)]
    ra, dec = np.array([e.ra for e in placed]), np.array([e.dec for e in placed])
    phases = np.exp(1j * np.radians(ra))
    middle = float(np.degrees(np.angle(phases.mean()))) % 360
    offset = (ra - middle + 180) % 360 - 180
    all_sky = np.ptp(offset) > 120 or np.ptp(dec) > 60
    area = float(np.clip(3000 / len(placed), 2, 9))
    with drawing("sky", 2.9) as drawn:
        axes = drawn.axes(projection="aitoff") if all_sky else drawn.axes()
        for label, name in CLASS_NAMES.items():
            mask = np.array([e.label == label for e in placed])
            if mask.any():
                # East is left. The all-sky map has right ascension 180 at its centre.
                x = -np.radians(ra[mask] - 180) if all_sky else middle + offset[mask]
                y = np.radians(dec[mask]) if all_sky else dec[mask]
                colour, marker = CLASS_COLOURS[name], CLASS_MARKERS[name]
                axes.scatter(x, y, s=area, marker=marker, color=colour, alpha=0.7, lw=0.6, label=name)
        if all_sky:
            hours = np.arange(-150, 151, 60)
            axes.set_xticks(np.radians(hours), [f"{180 - hour}°" for hour in hours], fontsize=7)
            axes.tick_params(axis="y", labelsize=7)
        else:
            axes.invert_xaxis()
            axes.xaxis.set_major_formatter(lambda value, _: f"{value % 360:g}")
            axes.xaxis.set_major_locator(MaxNLocator(6))
            name_axes(axes, "right ascension [deg]", "declination [deg]")
        drawn.figure.legend(loc="outside upper center", ncols=3)
    return drawn.svg, len(placed), total


def draw_sizes(survey: Survey, cut: int) -> Markup | None:
    """Draw the share of objects whose stamps are large enough against the cut; None if all have one size."""
    if len(survey.smallest) < 2:
        return None
    sides = np.array(sorted(survey.smallest))
    counts = np.array([survey.smallest[side] for side in sides])
    share = 1 - np.concatenate([[0], np.cumsum(counts)]) / counts.sum()
    with drawing("sizes") as drawn:
        axes = drawn.axes()
        start = min(sides[0], cut) * 0.9
        axes.step([start, *sides, sides[-1] * 1.02], [1, *share[:-1], 0], where="pre", color=INK)
        mark(axes, cut, f"cut {cut}")
        axes.yaxis.set_major_formatter(PercentFormatter(1.0))
        name_axes(axes, "side of the cut [pixels]", "objects large enough")
        axes.legend()
    return drawn.svg


def draw_pixels(survey: Mapping[str, BandSurvey]) -> Markup | None:
    """Draw the distribution of pixels of each band in units of its sky noise; None without noise."""
    noises = {band: found.median("noise") for band, found in survey.items()}
    bands = [band for band, noise in noises.items() if noise > 0]
    if not bands:
        return None
    edges = np.linspace(np.arcsinh(-100.0), np.arcsinh(1e5), 161)
    with drawing("pixels", 1.1 + 0.42 * len(bands)) as drawn:
        axes = drawn.axes()
        for place, band in enumerate(bands):
            height = 1.25 * _log_density(survey[band].pixels, noises[band], edges)
            base = len(bands) - 1 - place
            axes.stairs(base + height, edges, baseline=base, fill=True, color=MARK, alpha=0.35)
            axes.stairs(base + height, edges, baseline=base, color=MARK, linewidth=1)
        axes.axvline(0, color=INK, linewidth=0.8)
        axes.set_xticks(np.arcsinh(_PIXEL_TICKS), [f"{tick:,}" for tick in _PIXEL_TICKS], fontsize=8)
        axes.set_yticks(range(len(bands)), bands[::-1])
        axes.set_xlim(edges[0], edges[-1])
        axes.grid(False, axis="y")
        name_axes(axes, "pixel [sky noise of the band]", "")
    return drawn.svg


def draw_levels(survey: Mapping[str, BandSurvey]) -> Markup | None:
    """Draw sky noise and peak of the stamps of each band; None if no value is above zero."""
    levels = {
        band: {name: values[values > 0] for name in ("noise", "peak") for values in [found.statistic(name)]}
        for band, found in survey.items()
    }
    bands = [band for band, level in levels.items() if any(values.size for values in level.values())]
    if not bands:
        return None
    with drawing("levels", 1.1 + 0.36 * len(bands)) as drawn:
        axes = drawn.axes()
        looks = {"noise": (0.16, INK, "o"), "peak": (-0.16, SUGGESTED, "D")}
        for place, band in enumerate(bands):
            for name, (shift, colour, marker) in looks.items():
                values = levels[band][name]
                if not values.size:
                    continue
                y = len(bands) - 1 - place + shift
                p1, p25, p50, p75, p99 = np.percentile(values, (1, 25, 50, 75, 99))
                axes.plot([p1, p99], [y, y], color=colour, linewidth=1)
                axes.plot([p25, p75], [y, y], color=colour, linewidth=4, alpha=0.6)
                label = {"noise": "sky noise", "peak": "peak"}[name] if place == 0 else None
                axes.plot(p50, y, color=colour, marker=marker, markersize=5, linestyle="", label=label)
        axes.set_xscale("log")
        axes.set_yticks(range(len(bands)), bands[::-1])
        axes.set_ylim(-0.6, len(bands) - 0.4)
        axes.grid(False, axis="y")
        name_axes(axes, "flux [units of the stamps]", "")
        drawn.figure.legend(loc="outside upper center", ncols=2)
    return drawn.svg


def draw_curves(
    survey: Mapping[str, BandSurvey], image: ImageSettings, suggestion: Suggestion
) -> Markup | None:
    """Draw the brightness curves with sky noise and peaks of the objects; None without sky noise."""
    if not suggestion.noise > 0:
        return None
    peaks = peak_intensities(survey, image)
    peaks = peaks[peaks > 0]
    if not peaks.size:
        return None
    quarter, three_quarters, highest = np.percentile(peaks, (25, 75, 99))
    intensity = np.geomspace(suggestion.noise / 3, max(highest, 100 * suggestion.noise), 300)
    with drawing("curves", 3.3) as drawn:
        axes = drawn.axes()
        looks = (
            (image.stretch, "configured", "-", MARK),
            (suggestion.stretch, "suggested", "--", INK),
        )
        for stretch, name, style, colour in looks:
            shown = brightness(intensity, stretch, image.q)
            axes.plot(intensity, shown, style, color=colour, label=f"stretch {stretch:.3g} ({name})")
        axes.axvline(suggestion.noise, color=INK, linewidth=1, linestyle=":", label="sky noise")
        label = "peaks, half of the objects"
        axes.axvspan(quarter, three_quarters, color=SUGGESTED, alpha=0.3, linewidth=0, label=label)
        axes.set_xscale("log")
        axes.set_ylim(0, 1.02)
        axes.yaxis.set_major_formatter(PercentFormatter(1.0))
        name_axes(axes, "intensity: mean of the three bands [flux units]", "brightness shown")
        drawn.figure.legend(loc="outside upper center", ncols=2, fontsize=8)
    return drawn.svg


def _log_density(pixels: PixelHistogram, noise: float, edges: np.ndarray) -> np.ndarray:
    """Return the logarithmic density of pixels in flux, from 0 (a millionth of the maximum) to 1."""
    below = np.interp(np.sinh(edges) * noise, pixels.edges, np.concatenate([[0], np.cumsum(pixels.counts)]))
    density = np.diff(below) / np.diff(np.sinh(edges))
    with np.errstate(divide="ignore"):
        return np.clip(1 + np.log10(density / max(density.max(), 1e-300)) / 6, 0, 1)


def _finite(values: Sequence[float]) -> np.ndarray:
    array = np.array(values, np.float64)
    return array[np.isfinite(array)]
