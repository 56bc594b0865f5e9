"""Example pictures of the same galaxies in every setting."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from evaluation.comparison import Score
from preprocessing.data_settings import DataSettings
from preprocessing.features import CLASS_NAMES, ELLIPTICAL, SPIRAL
from preprocessing.labels.reading import LabelledObject
from preprocessing.rows.division import stamp_reader
from preprocessing.settings import ImageSettings
from report.html.tiles import Tile
from report.inspection.pictures import TileMaker, View
from report.inspection.renderer import Render, Renderer
from report.inspection.sample import choose_by_class
from report.sweep.points import CONFIGURED, describe, key_of
from report.sweep.results import PointResult, SweepResults

MOST_ROWS = 40
"""Largest number of settings shown, so that the page does not grow to tens of megabytes."""


@dataclass(frozen=True)
class Examples:
    """Input of the example pictures.

    Attributes
    ----------
    settings : mapping of str to (DataSettings, ImageSettings)
        Settings of each point with its overrides, by the point's slug.
    objects : sequence of LabelledObject
        Rows of the label table from which to select; galaxies with scores are preferred.
    per_class : int
        Number of galaxies shown of each class.
    seed : int
        Seed of the selection.
    """

    settings: Mapping[str, tuple[DataSettings, ImageSettings]]
    objects: Sequence[LabelledObject]
    per_class: int = 4
    seed: int = 0


@dataclass(frozen=True)
class Row:
    """Pictures made with the same settings.

    Attributes
    ----------
    title : str
        The values of the axes that determine these pictures.
    image : ImageSettings
    results : list of PointResult
        The points that use these pictures, the best first.
    tiles : list of Tile
        One for each object.
    scores : list of Score or None
        Score of each object at the first of the points.
    """

    title: str
    image: ImageSettings
    results: list[PointResult]
    tiles: list[Tile]
    scores: list[Score | None]


@dataclass(frozen=True)
class ExampleImages:
    """All example pictures.

    Attributes
    ----------
    objects : list of LabelledObject
    rows : list of Row
        Ordered by the best point that uses them.
    left_out : int
        Number of rows that are not shown.
    problem : str
        Why no pictures could be made; empty if they could.
    """

    objects: list[LabelledObject] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    left_out: int = 0
    problem: str = ""


def render_examples(examples: Examples, results: SweepResults, render: Render | None = None) -> ExampleImages:
    """Make the example pictures.

    Parameters
    ----------
    examples : Examples
    results : SweepResults
    render : callable, optional
        Makes the picture files, see `report.inspection.renderer.render`; a process of its own unless given.

    Returns
    -------
    ExampleImages
    """
    try:
        if render is not None:
            return _take(examples, results, render)
        with Renderer() as renderer:
            return _take(examples, results, renderer)
    except RuntimeError as error:
        # The page of a sweep of hours must not fail because of its pictures.
        return ExampleImages(problem=str(error))


def _take(examples: Examples, results: SweepResults, render: Render) -> ExampleImages:
    objects = _choose(examples, results.common)
    by_settings: dict[tuple[str, str], list[PointResult]] = {}
    for result in results.ranked:
        data, image = examples.settings[result.point.slug]
        by_settings.setdefault((data.model_dump_json(), image.model_dump_json()), []).append(result)
    groups = list(by_settings.values())
    rows = []
    for group in groups[:MOST_ROWS]:
        point = group[0].point
        data, image = examples.settings[point.slug]
        tile_maker = TileMaker(stamp_reader(data, image.bands, image.cut), data.stamp_size, render)
        scores = results.scores(point)
        rows.append(
            Row(
                _title(point.values),
                image,
                group,
                tile_maker.tiles(objects, View("", image)),
                [scores.get(entry.name) for entry in objects],
            )
        )
    return ExampleImages(objects, rows, len(groups) - len(rows))


def _choose(examples: Examples, scored: set[str]) -> list[LabelledObject]:
    labelled = [entry for entry in examples.objects if entry.label in (SPIRAL, ELLIPTICAL)]
    # Rejected rows have no pictures.
    pool = [entry for entry in labelled if entry.name in scored] or labelled
    by_class = choose_by_class(pool, examples.per_class, examples.seed)
    return [entry for label in (SPIRAL, ELLIPTICAL) for entry in by_class.get(CLASS_NAMES[label], ())]


def _title(values: Mapping[str, str]) -> str:
    seen = {name: text for name, text in values.items() if key_of(name).startswith(("image.", "data."))}
    return describe(seen) or CONFIGURED
