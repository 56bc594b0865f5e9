"""Saturated pixels of files decoded in the graph, compared with the ingest."""

import numpy as np
import tensorflow as tf
from astropy.io import fits
from read_in_graph import READ, content_of, in_graph, ingested, refusal, stamp, stamp_of
from stamp_images import galaxy

from preprocessing.fits.files import StampError


def test_infinite_pixels_of_a_stamp_without_a_level_are_not_saturated_beside_one_with_a_level(tmp_path):
    image = galaxy(1, 30)
    image[3, :] = image[6, 3:20] = np.inf
    infinite, leveled = content_of(fits.PrimaryHDU(image)), stamp(SATURATE=60000)
    answer = READ(tf.constant([[infinite, infinite, infinite], [leveled, leveled, leveled]])).numpy()
    assert np.array_equal(answer[0, 0], ingested(tmp_path, infinite), equal_nan=True)
    assert np.array_equal(answer[0, 1], ingested(tmp_path, leveled))


def test_saturated_stamps(tmp_path):
    image = galaxy(0, 30, 100.0)
    image[10:20, 10:20] += 5000
    for header, reason in (
        ({"SATURATE": 4000.0}, "too_saturated"),
        ({"SATLEVEL": 60000}, None),
        ({"SATURATE": 0}, None),
        ({"SATURATE": "unknown", "SATLEVEL": 4000}, "too_saturated"),
        ({"SATURATE": -1.0}, "bad_saturation"),
        ({"SATURATE": 999.0}, "bad_saturation"),
    ):
        content = content_of(fits.PrimaryHDU(image, fits.Header(header)))
        expected = ingested(tmp_path, content)
        assert (expected.reason if isinstance(expected, StampError) else None) == reason
        if reason is None:
            assert np.array_equal(READ(tf.constant([[content] * 3])).numpy()[0, 0], expected)
        else:
            word = "are saturated, limit 5.0%" if reason == "too_saturated" else "is not a saturation level"
            assert word in refusal(READ, content)
        everything = in_graph(max_saturated=1.0)(tf.constant([[content] * 3])).numpy()
        assert np.array_equal(everything[0, 0], image[3:27, 3:27])


def test_a_level_of_more_digits_than_a_pixel_holds(tmp_path):
    image = galaxy(5, 30, 10.0, 1.0)
    level = 230.807116  # as float32 it is smaller
    image[4:9, 4:9] = level
    content = stamp_of(image, SATURATE=level)
    expected = ingested(tmp_path, content)
    assert np.isfinite(expected).all() and float(np.float32(level)) < level
    assert np.array_equal(READ(tf.constant([[content] * 3])).numpy()[0, 0], expected)
    image[4:12, 4:12] = level
    content = stamp_of(image, SATURATE=level)
    assert ingested(tmp_path, content).reason == "too_saturated"
    assert "11.1% of the pixels are saturated" in refusal(READ, content)
