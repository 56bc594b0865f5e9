"""The grid of a sweep: every combination of the axes' values, with one shared ingest."""

import hashlib
import itertools
import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence

from pipeline.sweep.axes import normal_axes
from preprocessing.bands import BANDS, rgb_bands
from report.sweep.points import CONFIGURED, Point, describe, key_of

_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+ -]*")
_LONGEST = 80


def expand(
    axes: Mapping[str, Sequence[str]],
    *,
    rgb: str | Sequence[str],
    cut: int,
    bands: Sequence[str] = (),
    stamp_size: int = 0,
) -> list[Point]:
    """Return the points of a grid.

    The caller must load the settings of every point, with its overrides after those of the user, before
    anything runs. Only this detects unknown keys, unknown backbones and values that are out of bounds.

    Parameters
    ----------
    axes : mapping of str to sequence of str
        See `pipeline.sweep.axes.normal_axes`. Without axes, the grid is the configuration itself.
    rgb : str or sequence of str
        ``[image] rgb`` of the configuration.
    cut : int
        ``[image] cut`` of the configuration [pixels].
    bands : sequence of str
        ``[data] bands`` of the configuration; empty if it leaves them open.
    stamp_size : int
        ``[data] stamp_size`` of the configuration [pixels]; 0 if it leaves it open.

    Returns
    -------
    list of Point
        All combinations, the last axis varying fastest.

    Raises
    ------
    SweepError
        See `pipeline.sweep.axes.normal_axes`.

    Notes
    -----
    All points share one ingest and have the same galaxies: a galaxy that lacks a band of any point, or whose
    stamp is too small for the largest cut, is in none of them. To this end every point keeps the bands and
    the side that any of them needs. Nothing is added if the configuration is already the same for all
    points; they then also share the ingest of ``galmorph run``.
    """
    normal = normal_axes(axes)
    grid = [dict(zip(normal, values, strict=True)) for values in itertools.product(*normal.values())]
    pictures = [rgb_bands(values["rgb"] if "rgb" in values else _tuple(rgb)) for values in grid]
    cuts = [int(values.get("cut", cut)) for values in grid]
    shared = _shared_bands(pictures, bands) + _shared_side(cuts, stamp_size)
    labels = [describe(values) or CONFIGURED for values in grid]
    changes = [tuple(f"{key_of(name)}={value}" for name, value in values.items()) for values in grid]
    return [
        Point(label, slug, values, (*change, *shared))
        for label, slug, values, change in zip(labels, _slugs(labels, changes), grid, changes, strict=True)
    ]


def _tuple(rgb: str | Sequence[str]) -> str | tuple[str, ...]:
    return rgb if isinstance(rgb, str) else tuple(rgb)


def _shared_bands(pictures: Sequence[tuple[str, ...]], configured: Sequence[str]) -> tuple[str, ...]:
    needed = {band for picture in pictures for band in picture}
    enough = needed <= set(configured) if configured else len(set(pictures)) == 1
    union = [band for band in BANDS if band in needed | set(configured)]
    return () if enough else (f"data.bands={json.dumps(union)}",)


def _shared_side(cuts: Sequence[int], configured: int) -> tuple[str, ...]:
    largest = max(cuts)
    enough = largest <= configured if configured else min(cuts) == largest
    return () if enough else (f"data.stamp_size={largest}",)


def _slugs(labels: Sequence[str], changes: Sequence[tuple[str, ...]]) -> list[str]:
    """Return names of folders: the labels, with a hash where they are no valid or unique names."""
    plain = ["_".join(label.split(" ")) for label in labels]
    often = Counter(slug.casefold() for slug in plain)
    slugs = []
    for label, slug, change in zip(labels, plain, changes, strict=True):
        good = _PLAIN.fullmatch(label) and len(slug) <= _LONGEST and not slug.endswith(".")
        if not good or often[slug.casefold()] > 1:
            digest = hashlib.sha256("\0".join(change).encode()).hexdigest()[:12]
            slug = f"{re.sub(r'[^A-Za-z0-9]+', '-', slug)[:_LONGEST].strip('-')}~{digest}".lstrip("~")
        slugs.append(slug)
    return slugs
