"""Contact sheets: objects of each class, and the same objects with other bands, stretches and cuts."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from preprocessing.bands import RGB_PRESETS, rgb_title
from preprocessing.labels.reading import LabelledObject
from preprocessing.settings import STRETCH_FACTORS, ImageSettings
from preprocessing.stamp_index import StampIndex
from preprocessing.stamps import StampReader
from report.html.formats import count_of
from report.html.tiles import Tile
from report.inspection.pictures import TileMaker, View
from report.inspection.sample import has_files
from report.inspection.survey import Survey

CUTS = (64, 96, 128, 160, 192, 256)
"""Cuts that are shown if the stamps are large enough [pixels]."""
_MOST_CUTS = 5


@dataclass(frozen=True)
class Sheet:
    """Objects in rows, views in columns.

    Attributes
    ----------
    views : list of View
    rows : list of (LabelledObject, list of Tile)
    left_out : list of str
        Views that cannot be shown, with the reason.
    """

    views: list[View] = field(default_factory=list)
    rows: list[tuple[LabelledObject, list[Tile]]] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Sheets:
    """All contact sheets.

    Attributes
    ----------
    classes : dict of str to Sheet
        Sheets with one view, as configured, by class name.
    presets, stretches, cuts : Sheet
    """

    classes: dict[str, Sheet]
    presets: Sheet
    stretches: Sheet
    cuts: Sheet


def draw_sheets(
    by_class: Mapping[str, Sequence[LabelledObject]],
    objects: Sequence[LabelledObject],
    image: ImageSettings,
    survey: Survey,
    stretch: float,
    tile_maker: TileMaker,
    available: Callable[[str], str],
) -> Sheets:
    """Draw all contact sheets.

    Parameters
    ----------
    by_class : mapping of str to sequence of LabelledObject
        Objects shown as configured, by class name.
    objects : sequence of LabelledObject
        Objects shown with other bands, stretches and cuts.
    image : ImageSettings
    survey : Survey
    stretch : float
        The suggested stretch; NaN if there is none.
    tile_maker : TileMaker
    available : callable
        Returns why a band cannot be read; empty if it can. See `band_check`.

    Returns
    -------
    Sheets
    """
    configured = View(f"{rgb_title(image.bands)}, stretch {image.stretch:g}, cut {image.cut}", image)
    presets, left_out = _preset_views(image, available)
    return Sheets(
        {name: _sheet(entries, [configured], tile_maker) for name, entries in by_class.items()},
        _sheet(objects, presets, tile_maker, left_out),
        _sheet(objects, _stretch_views(image, stretch), tile_maker),
        _sheet(objects, _cut_views(image, survey), tile_maker),
    )


def _sheet(
    objects: Sequence[LabelledObject], views: list[View], tile_maker: TileMaker, left_out: Sequence[str] = ()
) -> Sheet:
    columns = [tile_maker.tiles(objects, view) for view in views]
    rows = [(entry, [column[place] for column in columns]) for place, entry in enumerate(objects)]
    return Sheet(views, rows, list(left_out))


def _preset_views(image: ImageSettings, available: Callable[[str], str]) -> tuple[list[View], list[str]]:
    views, left_out = [], []
    choices = {rgb_title(image.bands): image.bands} | RGB_PRESETS
    for name, bands in choices.items():
        problems = [problem for band in bands if (problem := available(band))]
        if problems:
            left_out.append(f"{name}: {'; '.join(problems)}")
        else:
            other = image.model_copy(update={"rgb": bands})
            views.append(View(name, other, " ".join(bands), bands == image.bands))
    return views, left_out


def _stretch_views(image: ImageSettings, suggested: float) -> list[View]:
    notes = {image.stretch * factor: f"{factor:.2g} x configured" for factor in STRETCH_FACTORS}
    notes[image.stretch] = ""
    if not math.isnan(suggested):
        near = [value for value in notes if abs(math.log(value / suggested)) < math.log(1.1)]
        for value in near:
            notes[value] = f"{notes[value]}, as suggested".removeprefix(", ")
        if not near:
            notes[suggested] = "suggested"
    return [
        View(f"{value:.4g}", image.model_copy(update={"stretch": value}), note, value == image.stretch)
        for value, note in sorted(notes.items())
    ]


def _cut_views(image: ImageSettings, survey: Survey) -> list[View]:
    fitting = [cut for cut in CUTS if 2 * survey.large_enough(cut) >= max(survey.sized, 1)]
    fitting = sorted({*fitting, image.cut}, key=lambda cut: abs(math.log(cut / image.cut)))[:_MOST_CUTS]
    return [
        View(
            str(cut),
            image.model_copy(update={"cut": cut}),
            f"{survey.large_enough(cut):,} of {count_of(survey.sized, 'object')} are large enough",
            cut == image.cut,
        )
        for cut in sorted(fitting)
    ]


def band_check(reader: StampReader, objects: Sequence[LabelledObject]) -> Callable[[str], str]:
    """Return a function that returns why a band cannot be read, or an empty string if it can.

    Parameters
    ----------
    reader : StampReader
    objects : sequence of LabelledObject
        Objects that are searched for a file of the band.
    """
    index = StampIndex(reader.template)

    def problem(band: str) -> str:
        if reader.cube_bands:
            return "" if band in reader.cube_bands else f"the cubes have no {band}"
        if not has_files(index, objects, band):
            return f"{band} has no files"
        zero_points = reader.flux_scale.zero_points
        if not isinstance(zero_points, str) and band not in zero_points:
            return f"{band} has no entry in [data] zero_points"
        return ""

    return problem
