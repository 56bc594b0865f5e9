"""What Transform makes of raw Examples, in a graph as TFX runs it."""

import numpy as np
import pytest
import tensorflow as tf

from preprocessing import features
from preprocessing.measurements import measure
from preprocessing.picture import make_picture
from preprocessing.settings import ImageSettings
from preprocessing.transform import preprocessing_fn

IMAGE = ImageSettings(cut=32, size=24)


@pytest.fixture(scope="module")
def flux() -> np.ndarray:
    random = np.random.default_rng(1)
    y, x = np.mgrid[:40, :40] - 19.5
    scales = random.uniform(1, 5, (12, 1, 1))
    profiles = random.uniform(5, 50, (12, 1, 1)) * np.exp(-np.hypot(x, y) / scales)
    found = (profiles[..., None] + random.normal(0, 0.3, (12, 40, 40, 3))).astype("<f4")
    found[3, :12], found[5], found[7] = np.nan, np.nan, 0
    return found


@pytest.fixture(scope="module")
def transformed(flux) -> dict[str, np.ndarray]:
    planes = {
        features.flux_feature(band): [[one[..., place].tobytes()] for one in flux]
        for place, band in enumerate(IMAGE.bands)
    }
    inputs = {name: tf.constant(values) for name, values in planes.items()}
    inputs[features.NAME] = tf.constant([[f"g{number}"] for number in range(12)])
    numbers = {features.LABEL: 1, features.FOLD: 2, features.HEIGHT: 200, features.WIDTH: 180}
    inputs |= {name: tf.fill((12, 1), tf.constant(value, tf.int64)) for name, value in numbers.items()}
    none = tf.sparse.from_dense(tf.zeros((12, 0)))
    inputs |= {features.VOTE_ELLIPTICAL: none, features.VOTE_SPIRAL: none}
    graph = tf.function(lambda batch: preprocessing_fn(batch, {"image": IMAGE.model_dump()}), autograph=False)
    return {name: values.numpy() for name, values in graph(inputs).items()}


def test_the_cut_of_the_picture_is_measured(flux, transformed):
    expected = measure(flux[:, 4:36, 4:36])
    for name in (features.BRIGHTNESS, features.HALF_LIGHT_RADIUS):
        assert transformed[name].shape == (12,) and transformed[name].dtype == np.float32
        np.testing.assert_allclose(transformed[name], getattr(expected, name), rtol=1e-3, atol=1e-3)
    assert np.isfinite(transformed[features.HALF_LIGHT_RADIUS][[0, 3]]).all()


def test_pictures_and_sizes_are_handed_on(flux, transformed):
    pictures = [tf.io.decode_png(png).numpy() for png in transformed[features.PICTURE]]
    assert np.array_equal(pictures, make_picture(flux, IMAGE))
    assert set(transformed[features.HEIGHT]) == {200} and set(transformed[features.WIDTH]) == {180}
    assert set(transformed[features.FOLD]) == {2} and set(transformed[features.SOFT_LABEL]) == {1.0}


def test_an_example_grows_by_a_hundred_bytes(transformed):
    new = (features.BRIGHTNESS, features.HALF_LIGHT_RADIUS, features.HEIGHT, features.WIDTH)
    example = tf.train.Example()
    for name in new:
        value, feature = transformed[name][0], example.features.feature[name]
        (feature.float_list if value.dtype.kind == "f" else feature.int64_list).value.append(value)
    assert len(example.SerializeToString()) < 110 < len(transformed[features.PICTURE][0])
