"""The points of a grid, and refused axes."""

import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from swept import points_of

from pipeline.config import load_settings
from pipeline.errors import InputError
from pipeline.sweep.axes import normal_axes, read_axes, split_values
from preprocessing.bands import BANDS, rgb_bands
from report.sweep.errors import SweepError
from report.sweep.points import describe, own_ingest

CONFIG = """
[pipeline]
root = "run"
[data]
labels = "labels.csv"
stamps = "{{band}}/{{name}}.fits"
{data}
[model]
backbone = "EfficientNetLite0"
[push]
directory = "models"
"""


def settings_of(tmp_path, points, data=""):
    path = tmp_path / "c.toml"
    path.write_text(CONFIG.format(data=data))
    return [load_settings(path, point.overrides) for point in points]


def test_the_grid_of_the_published_comparison(tmp_path):
    axes = read_axes(
        {
            "rgb": ["IRG,IGU,ZRG,R660G"],
            "stretch": ["3,5,10"],
            "cut": ["96,128,160"],
            "backbone": ["EfficientNetLite0,EfficientNetB0"],
        }
    )
    points = points_of(axes)
    assert len(points) == 72
    first = points[0]
    assert first.label == "IRG stretch 3 cut 96 EfficientNetLite0"
    assert first.slug == "IRG_stretch_3_cut_96_EfficientNetLite0"
    assert first.values == {"rgb": "IRG", "stretch": "3", "cut": "96", "backbone": "EfficientNetLite0"}
    assert first.overrides == (
        "image.rgb=IRG",
        "image.stretch=3",
        "image.cut=96",
        "model.backbone=EfficientNetLite0",
        'data.bands=["U", "G", "R", "F660", "I", "Z"]',
        "data.stamp_size=160",
    )
    settings = settings_of(tmp_path, points)
    assert {s.example_bands for s in settings} == {("U", "G", "R", "F660", "I", "Z")}
    assert {s.example_side for s in settings} == {160}
    assert {s.image.size for s in settings} == {128}
    assert [s.image.cut for s in settings[:6]] == [96, 96, 128, 128, 160, 160]


def test_no_axis_is_the_configuration_itself():
    (point,) = points_of({})
    assert (point.label, point.slug, point.values, point.overrides) == (
        "as configured",
        "as_configured",
        {},
        (),
    )


def test_no_override_is_added_if_all_points_are_the_same():
    assert [point.overrides for point in points_of({"stretch": ["1", "2"]})] == [
        ("image.stretch=1",),
        ("image.stretch=2",),
    ]
    # The same bands in another order make other Examples.
    assert 'data.bands=["G", "R", "I"]' in points_of({"rgb": ["IRG", "GRI"]})[0].overrides


def test_configured_bands_and_sizes_are_kept_if_sufficient(tmp_path):
    enough = points_of(
        {"rgb": ["IRG", "R660G"], "cut": ["64", "96"]}, bands=("Z", "I", "R", "G", "F660"), stamp_size=200
    )
    assert enough[0].overrides == ("image.rgb=IRG", "image.cut=64")
    wider = points_of(
        {"rgb": ["IRG", "IGU"], "cut": ["64", "160"]}, bands=("Z", "I", "R", "G"), stamp_size=128
    )
    assert wider[0].overrides[2:] == ('data.bands=["U", "G", "R", "I", "Z"]', "data.stamp_size=160")
    data = 'bands = ["Z", "I", "R", "G"]\nstamp_size = 128'
    assert {s.example_side for s in settings_of(tmp_path, wider, data)} == {160}


RGBS = st.permutations(BANDS).map(lambda bands: "-".join(bands[:3]))
AXES = st.fixed_dictionaries(
    {},
    optional={
        "rgb": st.lists(RGBS, min_size=1, max_size=3, unique_by=rgb_bands),
        "stretch": st.lists(st.integers(1, 99).map(str), min_size=1, max_size=3, unique=True),
        "cut": st.lists(st.integers(16, 300).map(str), min_size=1, max_size=3, unique=True),
        "train.label_smoothing": st.lists(
            st.sampled_from(["0", "0.01", "1e-1"]), min_size=1, max_size=2, unique=True
        ),
        "model.weights": st.lists(
            st.sampled_from(["none", "NONE", "../w", "/w", "a b", "é" * 90]), min_size=1, unique=True
        ),
    },
)


@given(
    axes=AXES,
    rgb=RGBS,
    cut=st.integers(16, 300),
    stamp_size=st.sampled_from([0, 100, 400]),
    bands=st.lists(st.sampled_from(BANDS), unique=True),
)
def test_every_grid(axes, rgb, cut, stamp_size, bands):
    points = points_of(axes, rgb=rgb, cut=cut, bands=bands, stamp_size=stamp_size)
    assert points == points_of(axes, rgb=rgb, cut=cut, bands=bands, stamp_size=stamp_size)
    assert [tuple(point.values.values()) for point in points] == list(
        itertools.product(*normal_axes(axes).values())
    )
    assert len({point.label for point in points}) == len(points)
    assert len({point.slug.casefold() for point in points}) == len(points)
    # One ingest: what the points keep is the same, and enough for each.
    assert len({point.overrides[len(axes) :] for point in points}) == 1
    for point in points:
        assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._+~-]*", point.slug) and len(point.slug) < 120
        changes = dict(override.split("=", 1) for override in point.overrides)
        assert len(changes) == len(point.overrides)
        picture = rgb_bands(point.values.get("rgb", rgb))
        kept = re.findall(r"\w+", changes["data.bands"]) if "data.bands" in changes else bands or picture
        assert set(picture) | set(bands) <= set(kept)
        own = int(point.values.get("cut", cut))
        assert int(changes.get("data.stamp_size", stamp_size or own)) >= max(own, stamp_size)


@pytest.mark.parametrize(
    ("axes", "message"),
    [
        ({"stretch": ["3", "5", "3"]}, "--stretch: 3 must not be given twice"),
        ({"stretch": ["3", "3.0"]}, "3 and 3.0, the same value, must not"),
        ({"rgb": ["R660G", "R-F660-G"]}, "--rgb: R660G must not be given twice"),
        ({"stretch": ["3", " "]}, "--stretch: a value is empty"),
        ({"train.epochs": []}, "--axis train.epochs: no value is given"),
        ({"stretch": ["3"], "image.stretch": ["5"]}, "--stretch is given twice"),
        ({"rgb": ["IRX"]}, "--rgb: unknown band 'X'"),
        ({"rgb": ["[1, 2, 3]"]}, "--rgb: "),
        ({"cut": ["128.5"]}, "--cut: '128.5'"),
        ({"cut": ["true"]}, "--cut: 'true'"),
        ({"strech": ["3"]}, "did you mean stretch"),
        ({"image": ["3"]}, "must be section.key"),
        ({"data.stamp_size": ["96", "128"]}, "all points share one ingest"),
        ({"gate.min_auc": ["0.9"]}, r"--axis gate.min_auc: \[gate\]"),
        ({"model.weights": ["a\nb"]}, "cannot be printed"),
    ],
)
def test_what_is_refused(axes, message):
    with pytest.raises(SweepError, match=message) as caught:
        points_of(axes)
    assert "\n" not in str(caught.value)


def test_true_is_not_one():
    assert len(points_of({"split.balance": ["true", "1"]})) == 2


def test_options_and_other_axes():
    axes = read_axes(
        {"rgb": ["irg, r-f660-g"], "stretch": None, "cut": ["96"]},
        ["train.dropout=0.1,0.3", 'train.augment=["flips", "zoom"],true', "image.q=8,12"],
    )
    assert axes == {
        "rgb": ("IRG", "R660G"),
        "cut": ("96",),
        "train.dropout": ("0.1", "0.3"),
        "train.augment": ('["flips", "zoom"]', "true"),
        "q": ("8", "12"),
    }
    assert points_of(axes)[0].label == 'IRG cut 96 dropout 0.1 augment ["flips", "zoom"] q 8'


@pytest.mark.parametrize(
    ("options", "others", "message"),
    [
        ({"cut": ["96", "128"]}, [], "--cut is given twice; separate its values by commas"),
        ({"cut": ["96"]}, ["image.cut=128"], "--cut is given twice"),
        ({}, ["train.epochs=1", "train.epochs=2"], "--axis train.epochs is given twice"),
        ({}, ["train.epochs"], "must have the form section.key=value,value"),
        ({"cut": ["96,,128"]}, [], "--cut: a value is empty"),
        ({"cut": [""]}, [], "--cut: a value is empty"),
    ],
)
def test_options_that_are_refused(options, others, message):
    with pytest.raises(SweepError, match=message):
        read_axes(options, others)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("3,5", ["3", "5"]),
        ("[0, 0, 0],[1, 1, 1]", ["[0, 0, 0]", "[1, 1, 1]"]),
        ("{Z = 1, I = 2},{}", ["{Z = 1, I = 2}", "{}"]),
        ('"a,b",c', ['"a,b"', "c"]),
        ("/o'neill/w.h5,none", ["/o'neill/w.h5", "none"]),
        ("]3,5", ["]3", "5"]),
    ],
)
def test_commas_within_brackets_and_quotes(text, values):
    assert split_values(text) == values


def test_labels_tell_keys_of_one_name_apart():
    assert describe({"split.seed": "1", "train.seed": "2"}) == "split.seed 1 train.seed 2"
    assert describe({"split.seed": "1", "train.epochs": "2"}) == "seed 1 epochs 2"


def test_axes_that_need_their_own_ingest():
    assert own_ingest(["rgb", "data.background", "cut", "split.seed", "train.epochs"]) == [
        "data.background",
        "split.seed",
    ]


def test_bad_values_are_found_when_the_settings_of_a_point_are_loaded(tmp_path):
    for axes, message in [
        ({"backbone": ["EfficientNetX"]}, "unknown backbone"),
        ({"stretch": ["0"]}, "stretch"),
        ({"train.epoch": ["1"]}, "did you mean"),
    ]:
        with pytest.raises(InputError, match=message):
            settings_of(tmp_path, points_of(axes))
