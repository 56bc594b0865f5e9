import numpy as np
import pytest
import tensorflow as tf
from astropy.visualization import make_lupton_rgb

from preprocessing import planes
from preprocessing.picture import (
    centre_cut,
    decode_planes,
    make_picture,
    picture_of_planes,
    planes_of,
    shows_nothing,
)
from preprocessing.settings import ImageSettings


@pytest.mark.parametrize(("height", "width", "cut"), [(9, 9, 8), (12, 8, 8), (11, 16, 8), (10, 10, 10)])
def test_both_cuts_are_the_same(height, width, cut):
    image = np.arange(height * width, dtype=np.float32).reshape(height, width)
    graph = centre_cut(tf.constant(image[None, :, :, None]), cut)[0, :, :, 0].numpy()
    assert np.array_equal(graph, planes.centre_cut(image, cut))
    assert graph[0, 0] == image[(height - cut) // 2, (width - cut) // 2]
    assert np.array_equal(centre_cut(tf.constant(image[None, None]), cut, rows=2)[0, 0], graph)


def test_a_stamp_smaller_than_the_cut_is_refused():
    with pytest.raises(tf.errors.InvalidArgumentError, match="at least 16 x 16"):
        centre_cut(tf.zeros((1, 15, 20, 3)), 16)


def test_the_picture_without_resizing_is_astropys():
    flux = np.random.default_rng(0).normal(2, 3, (40, 40, 3)).astype(np.float32)
    image = ImageSettings(rgb="ZRG", cut=32, size=32, stretch=2.0, q=5.0, minimum=(0.1, 0.2, -0.1))
    ours = make_picture(flux[None], image)[0].numpy().astype(int)
    theirs = make_lupton_rgb(
        *np.moveaxis(flux[4:36, 4:36], -1, 0), stretch=2.0, Q=5.0, minimum=[0.1, 0.2, -0.1]
    )
    assert np.abs(ours - theirs).max() <= 1


@pytest.mark.parametrize("size", [16, 48, 64])
def test_resizing_keeps_shape_and_mean(size):
    y, x = np.mgrid[:32, :32] - 15.5
    flux = np.repeat(np.exp(-(x**2 + y**2) / 80)[..., None] * 3, 3, -1).astype(np.float32)
    small = make_picture(flux[None], ImageSettings(cut=32, size=size)).numpy()
    assert small.shape == (1, size, size, 3) and small.dtype == np.uint8
    whole = make_picture(flux[None], ImageSettings(cut=32, size=32)).numpy()
    assert small.mean() == pytest.approx(whole.mean(), rel=0.02)


def test_planes_of_examples_are_decoded_in_order():
    flux = np.random.default_rng(1).normal(size=(4, 6, 6, 3)).astype("<f4")
    planes = [tf.constant([stamp[..., band].tobytes() for stamp in flux]) for band in range(3)]
    assert np.array_equal(decode_planes(planes, 6), np.moveaxis(flux, -1, 0))
    assert np.array_equal(decode_planes(planes, 4), np.moveaxis(flux[:, 1:5, 1:5], -1, 0))
    with pytest.raises(tf.errors.InvalidArgumentError, match="at least 7 x 7"):
        decode_planes(planes, 7)


def test_planes_give_the_same_picture():
    flux = np.random.default_rng(1).normal(2, 3, size=(4, 40, 39, 3)).astype("f4")
    image = ImageSettings(cut=32, size=48, minimum=(0.1, 0.0, -0.1))
    planes = np.moveaxis(flux[:, 4:36, 3:35], -1, 0)
    assert np.array_equal(planes_of(tf.constant(flux), 32), planes)
    assert np.array_equal(picture_of_planes(tf.constant(planes), image), make_picture(flux, image))


def test_flux_without_signal():
    something = np.random.default_rng(0).normal(size=(10, 10, 3)).astype(np.float32)
    pixel = np.zeros_like(something)
    pixel[5, 5, 1] = 1e-20
    cases = {
        "one pixel": (pixel, False),
        "all NaN": (np.full_like(something, np.nan), True),
        "zero": (np.zeros_like(something), True),
        "constant, another in each band": (np.zeros_like(something) + np.float32([1e-10, -3, 1e30]), True),
        "constant where it is finite": (np.where(something > 0, np.float32(2), np.float32(np.nan)), True),
        "infinite": (np.where(something > 0, np.float32(np.inf), np.float32(0)), True),
        "constant within the cut": (np.pad(np.ones((8, 8, 3), np.float32), ((1, 1), (1, 1), (0, 0))), True),
        "a galaxy": (something, False),
        "NaN in part": (np.where(something > 1, np.float32(np.nan), something), False),
        "one band": (something * np.float32([0, 1, 0]), False),
        "one band all NaN": (something * np.float32([np.nan, 1, 1]), False),
        "faint": (something * np.float32(1e-30), False),
    }
    flux = np.stack([flux for flux, _ in cases.values()]).astype(np.float32)
    planes = planes_of(tf.constant(flux), 8)
    expected = [nothing for _, nothing in cases.values()]
    found = shows_nothing(planes).numpy()
    assert dict(zip(cases, found, strict=True)) == dict(zip(cases, expected, strict=True))
    # A batch in which all pixels are finite is looked at in another way.
    finite = [row for row, stamp in enumerate(flux) if np.isfinite(stamp).all()]
    some = shows_nothing(tf.gather(planes, finite, axis=1)).numpy()
    assert some.tolist() == [expected[row] for row in finite]
    huge = tf.fill([3, 2, 8, 8], np.float32(3e38))  # their sum overflows
    assert shows_nothing(huge).numpy().tolist() == [True, True]
