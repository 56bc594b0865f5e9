import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from raw_examples import stamp, write_raw

from components.morphology_report.attention import (
    add_attention,
    attention_layer,
    attention_maps,
    draw_attention,
)
from components.morphology_report.pictures import render_pictures
from preprocessing.picture_files import read_upright_png, upright_pngs
from preprocessing.settings import ImageSettings
from trainer.augment import dihedral_views
from trainer.model import backbone_of, build_classifier
from trainer.settings import ModelSettings


def classifier(backbone: str = "TinyConv", size: int = 32, bias: float = 0.0) -> keras.Model:
    model = build_classifier(ModelSettings(backbone=backbone, weights="none"), image_size=size, seed=3)
    top = model.get_layer("p_elliptical")
    top.set_weights([top.get_weights()[0], np.array([bias], "f4")])
    return model


def noise(count: int, size: int = 32, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, size, size, 3)).astype(np.uint8)


def scaled(model: keras.Model, pictures: np.ndarray):
    """Bring pixels to the range that the backbone takes, as the classifier does."""
    values = pictures.astype("f4")
    for step in model.layers[1 : model.layers.index(backbone_of(model))]:
        values = step(values)
    return values


@pytest.mark.parametrize("bias", [-50.0, 50.0])
def test_at_the_last_maps_it_is_the_tops_kernel_times_the_maps(bias):
    model, pictures = classifier(bias=bias), noise(19)
    backbone = backbone_of(model)
    maps = backbone(scaled(model, pictures), training=False).numpy()
    kernel = model.get_layer("p_elliptical").get_weights()[0][:, 0]
    expected = maps @ kernel / np.prod(maps.shape[1:3])
    found = attention_maps(model, pictures, layer=backbone.layers[-1], views=1)
    assert found.shape == (19, 4, 4) and found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("backbone", ["TinyConv", "EfficientNetLite0", "EfficientNetB0"])
def test_it_is_the_derivative_of_the_logit_times_the_map(backbone):
    """Against finite differences of a network that begins where the maps are."""
    model, picture = classifier(backbone, bias=0.1), noise(1)
    layer, network = attention_layer(model), backbone_of(model)
    assert min(layer.output.shape[1:3]) == 8
    after = keras.Model(layer.output, network.output)
    maps = keras.Model(network.input, layer.output)(scaled(model, picture), training=False).numpy()
    kernel, bias = model.get_layer("p_elliptical").get_weights()

    def logits(values: np.ndarray) -> np.ndarray:
        return after(values, training=False).numpy().mean(axis=(1, 2)) @ kernel[:, 0] + bias[0]

    # The map's pixel is what the logit loses, to first order, as the maps there shrink.
    step, places = 1e-2, [(0, 0), (3, 4), (7, 2)]
    shrunk = np.repeat(maps, 2 * len(places), axis=0)
    for number, (row, column) in enumerate(places):
        shrunk[2 * number, row, column] *= 1 + step
        shrunk[2 * number + 1, row, column] *= 1 - step
    more, less = logits(shrunk)[::2], logits(shrunk)[1::2]
    found = attention_maps(model, picture, views=1)[0]
    scale = np.abs(found).max()
    np.testing.assert_allclose(
        [found[place] for place in places], (more - less) / (2 * step), atol=0.03 * scale + 1e-6
    )


@pytest.mark.parametrize(
    ("backbone", "size", "name", "side"),
    [
        ("TinyConv", 128, "conv4", 16),
        ("TinyConv", 32, "relu2", 8),
        ("EfficientNetLite0", 128, "block5c_add", 8),
        ("EfficientNetB0", 128, "block5c_add", 8),
        ("EfficientNetB0", 40, "block2b_add", 10),
    ],
)
def test_the_deepest_block_of_eight_pixels_is_looked_at(backbone, size, name, side):
    layer = attention_layer(classifier(backbone, size))
    assert layer.name == name and tuple(layer.output.shape[1:3]) == (side, side)


def test_a_turned_picture_has_a_turned_map():
    model, pictures = classifier(), noise(2)
    found = attention_maps(model, pictures)
    assert np.abs(found - attention_maps(model, pictures, views=1)).max() > 1e-3 * np.abs(found).max()
    for turned, expected in zip(
        dihedral_views(tf.constant(pictures), 8),
        dihedral_views(tf.constant(found[..., None]), 8),
        strict=True,
    ):
        again = attention_maps(model, turned.numpy())
        np.testing.assert_allclose(again, expected[..., 0], rtol=1e-3, atol=1e-6)


def test_no_pictures_no_maps():
    assert attention_maps(classifier(), np.empty((0, 32, 32, 3), np.uint8)).shape == (0, 8, 8)


def drawn(picture: np.ndarray, attention: np.ndarray) -> np.ndarray:
    """Return the drawing with its rows in the order of the picture's, as float."""
    return read_upright_png(draw_attention(picture, attention)).numpy().astype(float)


def test_the_drawing_is_grey_where_nothing_speaks_for_the_class():
    picture = noise(1)[0]
    grey = np.repeat(picture.mean(axis=-1, keepdims=True), 3, axis=-1)
    for attention in (np.zeros((8, 8)), -np.ones((8, 8))):
        assert np.abs(drawn(picture, attention) - grey).max() <= 1


def test_the_drawing_is_coloured_where_the_map_is_high_and_at_the_right_end():
    picture = np.full((64, 64, 3), 90, np.uint8)
    attention = np.zeros((8, 8))
    attention[1, 6] = 2.0  # low on the sky, far right
    found = drawn(picture, attention)
    colour = np.ptp(found, axis=-1)
    row, column = np.unravel_index(colour.argmax(), colour.shape)
    assert 8 <= row < 16 and 48 <= column < 56
    assert colour[32:].max() <= 1 and colour[:, :32].max() <= 1
    upright = tf.io.decode_png(draw_attention(picture, attention)).numpy()
    assert np.ptp(upright[48:56, 48:56].astype(int), axis=-1).max() > 50, "in the file, low is at the end"


def test_pngs_are_upright_and_come_back():
    pictures = noise(2, 5)
    for picture, file in zip(pictures, upright_pngs(tf.constant(pictures)), strict=True):
        assert np.array_equal(tf.io.decode_png(file), picture[::-1])
        assert np.array_equal(read_upright_png(file), picture)


def test_the_index_gets_the_drawings_of_the_pictures_that_are_there(tmp_path):
    image = ImageSettings(cut=32, size=32)
    galaxies = {name: stamp(number, side=32) for number, name in enumerate("abc")}
    files = {"test": [write_raw(tmp_path / "test", galaxies)]}
    folder = tmp_path / "pictures"
    render_pictures(folder, files, ["a", "b", "c", "nobody"], [], image, ("I", "R", "G"))
    before = json.loads((folder / "index.json").read_text())
    model = classifier()
    for _ in range(2):
        add_attention(folder, model, {"c": 0.9, "a": 0.2, "nobody": 0.5}, remark="It is the first fold's.")
        index = json.loads((folder / "index.json").read_text())
        attention = {name: entry.pop("attention", None) for name, entry in index["galaxies"].items()}
        assert attention["b"] is None and len(set(attention.values())) == 3
        (note,) = index["notes"]
        assert "relu2, of 8 x 8 pixels" in note and note.endswith("4 x 4. It is the first fold's.")
        assert index | {"notes": []} == before
    # The published model's word counts, also where this classifier would call the galaxy otherwise.
    for name, sign in (("a", -1), ("c", 1)):
        picture = read_upright_png((folder / before["galaxies"][name]["picture"]).read_bytes()).numpy()
        expected = draw_attention(picture, sign * attention_maps(model, picture[None])[0])
        found = (folder / attention[name]).read_bytes()
        difference = tf.io.decode_png(found).numpy().astype(int) - tf.io.decode_png(expected).numpy()
        assert np.abs(difference).max() <= 1


def test_no_pictures_leave_the_index_as_it_is(tmp_path):
    render_pictures(tmp_path, {}, ["a"], [], ImageSettings(cut=32, size=32), ("I", "R", "G"))
    before = (tmp_path / "index.json").read_text()
    add_attention(tmp_path, classifier(), {"a": 0.5})
    assert (tmp_path / "index.json").read_text() == before
