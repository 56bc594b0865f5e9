import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from stamp_images import FILLS, area, galaxy, jpeg

from preprocessing.blank_areas import blank_areas
from preprocessing.graph.blank_areas import without_blank_areas


@pytest.fixture(scope="module")
def graph():
    signature = [tf.TensorSpec([None, None, None], tf.float32), tf.TensorSpec([None], tf.float64)]
    return tf.function(without_blank_areas, signature, autograph=False)


def image_of(kind: str, side: int, seed: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    sky, noise = [(0.0, 1.0), (1100.0, 12.0), (0.3, 1e-3), (2.0, 4.0)][seed % 4]
    if kind == "counts":
        return random.poisson(10 ** random.uniform(-3, 1.3), (side, side)).astype("f4")
    if kind == "whole":
        return np.clip(np.round(galaxy(seed, side, sky, noise)), 0, 255)
    if kind == "saturated":
        y, x = np.mgrid[:side, :side]
        star = np.minimum(65535, 3e6 * np.exp(-np.hypot(x - 15, y - 15) / 2.5))
        return np.minimum(galaxy(seed, side) + star, 65535).astype("f4")
    return (
        jpeg(galaxy(seed, side, 6.0, 1.5), 60 + seed % 36)
        if kind == "jpeg"
        else galaxy(seed, side, sky, noise)
    )


@settings(deadline=None, max_examples=150)
@given(
    st.sampled_from(["plain", "counts", "whole", "saturated", "jpeg"]),
    st.sampled_from([32, 48, 64, 128]),
    st.integers(0, 99),
    st.sampled_from(["columns", "rows", "slant", "holes"]),
    st.sampled_from([0.0, 0.02, 0.1, 0.5, 0.9]),
    st.sampled_from([*FILLS, -0.0, np.inf, np.nan, 230.807116, 31.0]),
    st.sampled_from([np.inf, 500.0, 65535.0, 3.1, 230.807116]),
)
def test_graph_and_numpy_find_the_same_pixels(graph, kind, side, seed, shape, share, fill, saturation):
    image = image_of(kind, side, seed)
    if share:
        image[area(shape, share, side, seed)] = fill
    found = blank_areas(image, None if np.isinf(saturation) else saturation)
    expected = image if found is None else np.where(found[0], np.float32(np.nan), image)
    other = galaxy(seed + 1, side)
    answer = graph(np.stack([other, image]), np.array([np.inf, saturation])).numpy()
    assert np.array_equal(answer[1], expected, equal_nan=True)
    assert np.array_equal(answer[0], other)
