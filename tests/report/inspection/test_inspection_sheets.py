"""Which objects and views are shown, and that the pictures are the network's."""

import base64
import random

import numpy as np
import pytest
from inspected_survey import quick_render, request_for, stamp

from preprocessing.labels.reading import read_labels
from preprocessing.rows.division import stamp_reader
from preprocessing.settings import ImageSettings
from report.inspection.pictures import TileMaker, View
from report.inspection.renderer import LARGEST_SHOWN, Renderer, render
from report.inspection.sample import choose, choose_by_class, mixed
from report.inspection.sheets import band_check, draw_sheets
from report.inspection.survey import survey_stamps


@pytest.fixture
def objects(survey_folder):
    return [entry for entry in read_labels(request_for(survey_folder).data).objects if entry.row <= 35]


def sheets_of(folder, objects, stretch=1.0, **changes):
    request = request_for(folder, **changes)
    reader = stamp_reader(request.data, request.bands, request.side)
    survey = survey_stamps(objects, reader)
    tile_maker = TileMaker(reader, request.data.stamp_size, quick_render)
    by_class = choose_by_class(objects, 4, 0)
    check = band_check(reader, objects)
    return draw_sheets(by_class, mixed(by_class, 5), request.image, survey, stretch, tile_maker, check)


def test_the_choice_depends_on_names_and_seed_alone(objects):
    chosen = choose(objects, 8, seed=1)
    shuffled = random.Random(0).sample(objects, len(objects))
    assert choose(shuffled, 8, seed=1) == chosen != choose(objects, 8, seed=2)
    assert len({entry.name for entry in chosen}) == 8
    assert choose(objects, 1000, seed=1)[:8] == chosen


def test_each_class_is_chosen_and_mixed(objects):
    by_class = choose_by_class(objects, 4, seed=0)
    assert {name: len(entries) for name, entries in by_class.items()} == {
        "spiral": 4,
        "elliptical": 4,
        "uncertain": 3,
    }
    assert [entry.label for entry in mixed(by_class, 5)] == [0, 0, 1, 1, -1]
    assert list(choose_by_class(objects[:3], 4, 0)) == ["spiral"]
    assert mixed({}, 5) == []


def test_views_are_those_that_the_files_allow(survey_folder, objects):
    sheets = sheets_of(survey_folder, objects, stretch=5.0)
    assert [view.title for view in sheets.presets.views] == ["IRG", "IGU"]
    assert sheets.presets.left_out == ["ZRG: Z has no files", "R660G: F660 has no files"]
    stretches = sheets.stretches
    assert [view.image.stretch for view in stretches.views] == pytest.approx([1.0, 3.0, 5.0, 10.0, 30.0])
    assert [view.note for view in stretches.views][2] == "suggested"
    assert [view.image.cut for view in sheets.cuts.views] == [16]
    for sheet in (sheets.presets, stretches, sheets.cuts):
        assert sum(view.configured for view in sheet.views) == 1
        assert len(sheet.rows) == 5
    without = [tiles for entry, tiles in sheets.presets.rows if not entry.name.startswith("S0")]
    assert without and all("missing_file" in tiles[1].problem and tiles[0].source for tiles in without)


def test_a_suggestion_near_a_shown_stretch_is_no_view_of_its_own(survey_folder, objects):
    views = sheets_of(survey_folder, objects, stretch=3.1).stretches.views
    assert [view.note for view in views] == [
        "0.33 x configured",
        "as suggested",
        "3.3 x configured",
        "10 x configured",
    ]
    assert len(sheets_of(survey_folder, objects, stretch=np.nan).stretches.views) == 4


def test_three_bands_of_ones_own_stand_beside_the_presets(survey_folder, objects):
    sheets = sheets_of(survey_folder, objects, rgb="G-R-I")
    assert [view.title for view in sheets.presets.views] == ["G-R-I", "IRG", "IGU"]


def test_cuts_follow_the_sizes_and_say_how_many_fit(tmp_path, write_stamp):
    rng = np.random.default_rng(0)
    rows = ["name,label"]
    for index, side in enumerate([70, 100, 100, 130]):
        rows.append(f"o{index},spiral")
        for band in "IRG":
            write_stamp(f"o{index}", band, stamp(rng, band, side))
    (tmp_path / "labels.csv").write_text("\n".join(rows) + "\n")
    objects = read_labels(request_for(tmp_path).data).objects
    sheets = sheets_of(tmp_path, objects, cut=128)
    assert [(view.title, view.note) for view in sheets.cuts.views] == [
        ("64", "4 of 4 objects are large enough"),
        ("96", "3 of 4 objects are large enough"),
        ("128", "1 of 4 objects are large enough"),
    ]
    row = next(tiles for entry, tiles in sheets.cuts.rows if entry.name == "o0")
    assert row[0].source and "too_small: 70 x 70" in row[1].problem


def test_bands_beyond_the_configured_ones_need_planes_and_zero_points(survey_folder, objects):
    request = request_for(survey_folder, zero_points={"I": 22.5, "R": 22.5, "G": 22.5})
    check = band_check(stamp_reader(request.data, request.bands, request.side), objects)
    assert check("I") == "" and "zero_points" in check("U") and "no files" in check("Z")
    request = request_for(survey_folder, stamps="{name}.fits", cube_bands=("G", "R", "I"))
    check = band_check(stamp_reader(request.data, request.bands, request.side), objects)
    assert check("G") == "" and check("U") == "the cubes have no U"


@pytest.mark.parametrize("size", [16, 300])
def test_pictures_are_what_the_network_sees(survey_folder, objects, size):
    tf = pytest.importorskip("tensorflow")
    from preprocessing.picture import make_picture

    request = request_for(survey_folder, size=size)
    reader = stamp_reader(request.data, request.bands, request.side)
    (tile,) = TileMaker(reader, 0, render).tiles(objects[:1], View("", request.image))
    png = base64.b64decode(tile.source.removeprefix("data:image/png;base64,"))
    shown = tf.io.decode_png(png).numpy()
    planes = reader.read(objects[0].name).planes
    flux = np.stack([planes[band].flux for band in "IRG"], axis=-1)[None]
    expected = make_picture(tf.constant(flux), request.image).numpy()[0, ::-1]
    assert tile.side == len(shown) == min(size, LARGEST_SHOWN)
    if size == 16:
        assert np.array_equal(shown, expected)
    assert expected.max() > 100


@pytest.mark.slow
def test_the_renderer_draws_alike_and_passes_errors_on():
    flux = np.random.default_rng(0).normal(size=(2, 16, 16, 3)).astype("f4")
    image = ImageSettings(cut=16, size=16)
    with Renderer() as renderer:
        assert renderer(flux, image) == render(flux, image)
        with pytest.raises(RuntimeError, match="stamps must be at least"):
            renderer(flux[:, :8], image)
        renderer._process.kill()
        with pytest.raises(RuntimeError, match="has ended"):
            renderer(flux, image)
