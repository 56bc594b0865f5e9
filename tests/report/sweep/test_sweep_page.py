"""The page of a sweep."""

import re

import numpy as np
import pytest
from html_page import Page, check_stands_alone
from swept import NAMES, finish, points_of

from preprocessing.data_settings import DataSettings
from preprocessing.labels.reading import LabelledObject
from preprocessing.settings import ImageSettings
from report.sweep.examples import MOST_ROWS, Examples
from report.sweep.page import render_page, write_page
from report.sweep.record import SweepRecord

SPITEFUL = "<b onclick='x'>&\"amp;"


class Photographer:
    """Stands in for TensorFlow; remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[tuple[int, ...], ImageSettings]] = []

    def __call__(self, flux: np.ndarray, image: ImageSettings) -> list[bytes]:
        self.asked.append((flux.shape, image))
        return [b"png"] * len(flux)


def swept(tmp_path, axes, wrong=(), **scores):
    """All points done, the first with nothing wrong, the others with `wrong`."""
    points = points_of(axes, cut=16)
    results = SweepRecord(tmp_path / "sweep", points, axes)
    for point in points:
        finish(results, point, tmp_path, wrong if point is not points[0] else (), **scores)
    return results


@pytest.fixture
def examples(tmp_path, write_stamp):
    """Galaxies with stamps in I, R, G of 24 x 24 pixels, and one of a name that is markup."""
    for name in [*NAMES, SPITEFUL]:
        for band in "IRG":
            write_stamp(name, band, np.ones((24, 24), "f4") + np.eye(24, dtype="f4"))
    stamps = str(tmp_path / "{band}_stamps" / "{name}_{band}.fits")

    def make(results, objects=NAMES):
        settings = {}
        for point in (result.point for result in results.results):
            image = ImageSettings(
                rgb=point.values.get("rgb", "IRG"),
                stretch=float(point.values.get("stretch", 3)),
                cut=int(point.values.get("cut", 16)),
                size=16,
            )
            data = DataSettings(labels="labels.csv", stamps=stamps, stamp_size=24)
            settings[point.slug] = (data, image)
        rows = [
            LabelledObject(row, name, int(name.startswith("E")), *[np.nan] * 5)
            for row, name in enumerate(objects, 1)
        ]
        uncertain = LabelledObject(99, "U0", -1, *[np.nan] * 5)
        return Examples(settings, [*rows, uncertain])

    return make


def page_of(results, examples=None, render=None):
    return Page(render_page(results, examples, render or Photographer()))


@pytest.mark.parametrize(
    "axes",
    [
        {},
        {"rgb": ["IRG", "G-R-I", "R-G-I"]},
        {"stretch": ["3", "5"], "cut": ["16", "20", "24"]},
        {"rgb": ["IRG", "G-R-I"], "stretch": ["3", "5"], "cut": ["16", "24"], "backbone": ["A", "B"]},
    ],
)
def test_the_page_stands_alone_and_is_well_formed(tmp_path, examples, axes):
    results = swept(tmp_path, axes, ["S1"])
    page = page_of(results, examples(results))
    check_stands_alone(page)
    for result in results.results:
        assert result.point.label in page.text
    assert ("0.9500 ± 0.0100" in page.text) == (len(results.results) > 1)


def test_names_reasons_and_values_are_text_and_no_markup(tmp_path, examples):
    axes = {"model.weights": ["none", SPITEFUL]}
    points = points_of(axes)
    results = SweepRecord(tmp_path / "sweep", points, axes)
    results.failed(points[0], SPITEFUL)
    page = page_of(results, examples(results, [SPITEFUL, "E1"]))
    assert page.text.count(SPITEFUL) >= 3 and SPITEFUL not in page.source and "<b onclick" not in page.source
    assert f"failed: {SPITEFUL}" in page.text and "not run yet" in page.text
    assert "✗ No setting has a score" in page.text


def test_a_dollar_is_no_formula(tmp_path):
    results = swept(tmp_path, {"model.weights": ["$HOME/a$\\frac", "none"]})
    assert "$HOME/a$\\frac" in page_of(results).text


def test_the_table_is_sorted_and_compares_with_the_best(tmp_path):
    axes = {"stretch": ["1", "2", "3"]}
    points = points_of(axes)
    results = SweepRecord(tmp_path / "sweep", points, axes)
    finish(results, points[0], tmp_path, NAMES[:6])
    finish(results, points[1], tmp_path, NAMES[:1])
    finish(results, points[2], tmp_path, NAMES[1:3])
    page = page_of(results)
    order = [page.text.index(f"{rank} stretch {value}") for rank, value in enumerate((2, 3, 1), 1)]
    assert order == sorted(order)
    assert "−0.0500 1 : 2 1.00" in page.text and "−0.2500 0 : 5 0.062" in page.text
    assert (
        "2 of the 2 other settings" in page.text
        and "not differ significantly from it (p above 0.05)" in page.text
    )
    assert "optimistic" in page.text and "12 s" in page.text


def test_a_point_that_was_a_cache_hit_has_no_time(tmp_path):
    points = points_of({"stretch": ["1", "2"]})
    results = SweepRecord(tmp_path / "sweep", points, {"stretch": ["1", "2"]})
    finish(results, points[0], tmp_path)
    assert "cache hit" not in page_of(results).text
    finish(results, points[1], tmp_path, NAMES[:1], seconds=None)
    assert page_of(results).text.count("cache hit") == 1


def test_a_setting_without_auc(tmp_path):
    page = page_of(swept(tmp_path, {"stretch": ["1", "2"]}, ["S1"], auc=None))
    assert "None" not in page.text and "AUC –" not in page.text and "0.1000, over 5 folds" in page.text


def test_heat_maps_have_a_cell_for_every_point(tmp_path):
    axes = {"rgb": ["IRG", "IGU"], "cut": ["16", "24"], "backbone": ["A"], "stretch": ["1", "2", "5"]}
    points = points_of(axes)
    results = SweepRecord(tmp_path / "sweep", points, axes)
    for count, point in enumerate(points[:-2]):
        finish(results, point, tmp_path, NAMES[:count])
    results.failed(points[-2], "no memory")
    page = page_of(results)
    captions = re.findall(r"<caption>(.*?)</caption>", page.source)
    assert captions == ["IRG", "IGU"]  # cut down, stretch across; the one backbone goes without saying
    cells = re.findall(
        r"<td( class=\"best\")? style=\"background: (#\w+); color: (#\w+)\"><b>(★ )?([\d.]+)<", page.source
    )
    assert [float(cell[-1]) for cell in cells] == pytest.approx([1 - count / 20 for count in range(10)])
    assert [bool(cell[0]) for cell in cells] == [True] + [False] * 9
    assert len({cell[1] for cell in cells}) == 10
    assert cells[0][2] == "#000000" and cells[-1][2] == "#ffffff"
    assert page.source.count('class="empty failed"') == page.source.count('class="empty waiting"') == 1


def test_one_axis_is_drawn_with_its_folds(tmp_path):
    page = page_of(swept(tmp_path, {"backbone": ["A", "B"]}, ["S1"]))
    (svg,) = re.findall(r"<svg.*?</svg>", page.source, re.DOTALL)
    assert "currentColor" in svg and ">backbone<" in svg and ">each fold<" in svg
    assert "figure-dots" in page.source and 'class="heat"' not in page.source


def test_the_same_galaxies_in_every_setting(tmp_path, examples):
    results = swept(tmp_path, {"stretch": ["3", "5"], "cut": ["16", "24"]}, NAMES)
    photographer = Photographer()
    page = page_of(results, examples(results), photographer)
    assert [shape for shape, _ in photographer.asked] == [(8, 24, 24, 3)] * 4  # what the Examples keep
    assert [image.cut for _, image in photographer.asked] == [16, 24, 16, 24]
    alts = [image["alt"] for image in page.all("img")]
    shown = [[alt.split(", ")[0] for alt in alts[start : start + 8]] for start in range(0, 32, 8)]
    assert shown == [shown[0]] * 4 and [name[0] for name in shown[0]] == list("SSSSEEEE")
    assert alts[0].endswith(", spiral, stretch 3 cut 16")
    assert page.source.count('class="wrong"') == 3 * 8  # all but the first setting


def test_points_that_see_the_same_share_a_row(tmp_path, examples):
    results = swept(tmp_path, {"backbone": ["A", "B"], "rgb": ["IRG", "G-R-I"]}, ["S1"])
    photographer = Photographer()
    page = page_of(results, examples(results), photographer)
    assert len(photographer.asked) == 2
    assert "accuracy 1.0000, the best of 2 settings with these pictures" in page.text


def test_only_so_many_rows(tmp_path, examples):
    results = swept(tmp_path, {"q": [str(value) for value in range(1, MOST_ROWS + 3)]})
    made = examples(results)
    for number, result in enumerate(results.results):
        data, image = made.settings[result.point.slug]
        made.settings[result.point.slug] = (data, image.model_copy(update={"q": number}))
    page = page_of(results, made)
    assert len(page.all("img")) == 8 * MOST_ROWS and "2 more settings are left out" in page.text


def test_a_stamp_that_is_missing_and_a_renderer_that_dies(tmp_path, examples):
    results = swept(tmp_path, {"rgb": ["IRG", "IGU"]})
    page = page_of(results, examples(results))
    assert page.text.count("no picture: missing_file") == 8 and len(page.all("img")) == 8

    def dead(*_):
        raise RuntimeError("memory was short")

    page = page_of(results, examples(results), dead)
    assert "no pictures to show: memory was short." in page.text and not page.all("img")


def test_objects_that_were_scored_are_preferred(tmp_path, examples):
    results = swept(tmp_path, {})
    page = page_of(results, examples(results, [*NAMES[:2], "S99", "S98", "S97"]))
    assert sorted(image["alt"].split(", ")[0] for image in page.all("img")) == ["S0", "S1"]


def test_the_page_is_written_without_pictures(tmp_path):
    results = swept(tmp_path, {})
    path = write_page(results, None, results.folder)
    assert path == results.folder / "index.html" and not Page(path.read_text()).all("img")
    assert sorted(entry.name for entry in results.folder.iterdir()) == [
        "index.html",
        "points",
        "sweep.csv",
        "sweep.json",
    ]
