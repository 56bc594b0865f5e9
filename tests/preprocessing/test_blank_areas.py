import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from stamp_images import FILLS, area, galaxy, jpeg

from preprocessing.blank_areas import blank_areas


@settings(deadline=None, max_examples=150)
@given(
    st.sampled_from(FILLS),
    st.sampled_from(["columns", "rows", "slant", "holes"]),
    st.floats(0.09, 0.9),
    st.sampled_from([(0.0, 1.0, False), (1100.0, 12.0, True), (0.0, 5.0, True), (0.3, 1e-3, False)]),
    st.sampled_from([48, 64, 128]),
    st.integers(0, 99),
)
def test_areas_without_data_are_found(fill, shape, share, data, side, seed):
    sky, noise, whole = data
    # In whole numbers with noise 5, 8 % of the data are 0: four rows of 0 are not beyond chance, five are.
    assume(fill != sky or not whole or share * side > 5)
    image = galaxy(seed, side, sky, noise)
    image = np.round(image) if whole else image
    expected = area(shape, share, side, seed)
    image[expected] = fill
    found = blank_areas(image)
    assert found is not None and found[1] == (np.float32(fill),)
    wrong = np.count_nonzero(found[0] != expected) / image.size
    assert wrong < 0.02
    if not whole:
        assert np.array_equal(found[0], expected)


@settings(deadline=None, max_examples=150)
@given(st.floats(1e-4, 30), st.floats(0, 1), st.sampled_from([32, 64, 200]), st.integers(0, 99))
def test_counts_of_photons_are_data(counts, sky, side, seed):
    """Zeros scattered among small whole numbers, dense in the galaxy or sparse in the sky."""
    offsets = np.arange(side) - (side - 1) / 2
    mean = counts * (sky * 0.2 + np.exp(-np.hypot(offsets, offsets[:, None]) / 6))
    assert blank_areas(np.random.default_rng(seed).poisson(mean).astype("f4")) is None


@settings(deadline=None, max_examples=60)
@given(st.sampled_from([0.2, 1.0, 4.0, 40.0]), st.booleans(), st.integers(0, 99))
def test_coarse_clipped_and_smooth_data_are_data(noise, smooth, seed):
    image = galaxy(seed, 64, 2.0, noise)
    if smooth:
        image = (image + np.roll(image, 1, 0) + np.roll(image, 1, 1) + np.roll(image, (1, 1), (0, 1))) / 4
    assert blank_areas(image) is None
    assert blank_areas(np.clip(np.round(image), 0, 255)) is None
    assert blank_areas(np.round(image * 4) / 4) is None


@settings(deadline=None, max_examples=60)
@given(st.floats(0.6, 2.5), st.integers(60, 95), st.sampled_from(FILLS[1:]), st.integers(0, 99))
def test_flat_blocks_of_a_jpeg_picture_are_data(noise, quality, fill, seed):
    """Blocks of 8 x 8 pixels that compression has made flat, at any level of the background."""
    image = jpeg(galaxy(seed, 128, 6.0, noise), quality)
    assert blank_areas(image) is None
    expected = area("slant", 0.1, 128, seed)
    image[expected] = fill
    found = blank_areas(image)
    assert found is not None and np.array_equal(found[0], expected)


def test_saturated_stars_are_no_areas_without_data():
    y, x = np.mgrid[:64, :64]
    image = galaxy(0, 64)
    image += np.minimum(65535, 3e6 * np.exp(-np.hypot(x - 15, y - 15) / 2.5)).astype("f4")
    image = np.minimum(image, np.float32(65535))
    assert np.count_nonzero(image == 65535) > 50
    assert blank_areas(image) is None
    block = galaxy(0, 64)
    block[20:30, 20:30] = 500.0
    assert blank_areas(block) is not None
    assert blank_areas(block, saturation=500.0) is None
    block[20:30, 20:30] = 1e30
    assert blank_areas(block, saturation=500.0) is not None


@pytest.mark.parametrize(
    "image", [np.zeros((64, 64)), np.full((64, 64), np.nan), np.ones((2, 2)), np.ones((64, 1))]
)
def test_images_of_one_number_or_of_none(image):
    assert blank_areas(image.astype("f4")) is None


def test_nan_beside_the_number():
    image = galaxy(0, 64)
    image[:, :10], image[:8] = 0.0, np.nan
    found = blank_areas(image)
    assert found is not None and np.array_equal(found[0], image == 0)
