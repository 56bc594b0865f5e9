import numpy as np
import pytest
from astropy.stats import sigma_clipped_stats

from preprocessing.calibration import ZERO_POINT_KEYWORDS, Calibration, CalibrationError, sky_level
from preprocessing.fits.header import Header


def header(**cards) -> Header:
    return Header("".join(f"{f'{key:<8}= {value!r:>20}':<80}" for key, value in cards.items()).encode())


def test_the_sky_level_is_that_of_astropy():
    image = np.random.default_rng(0).normal(1100, 12, (64, 64)).astype("f4")
    image[30:34, 30:34] += 4000
    image[0, 0], image[0, 1] = np.nan, np.inf
    expected = sigma_clipped_stats(image, mask=~np.isfinite(image), sigma=3, maxiters=5)[1]
    assert sky_level(image) == pytest.approx(expected, rel=1e-6)
    assert sky_level(image) == pytest.approx(1100, abs=1)
    assert sky_level(np.full((4, 4), np.nan, "f4")) == 0.0


@pytest.mark.parametrize("keyword", ZERO_POINT_KEYWORDS)
def test_zero_points_of_headers(keyword):
    image = np.ones((2, 2), "f4")
    flux, factor = Calibration(zero_points="header").apply(image, header(**{keyword: 25.0}), "R")
    assert factor == pytest.approx(0.1) and flux == pytest.approx(0.1 * image)


def test_a_zero_point_that_stands_nowhere_is_an_error():
    with pytest.raises(CalibrationError, match="MAGZERO"):
        Calibration(zero_points="header").apply(np.ones((2, 2), "f4"), header(EXPTIME=3.0), "R")
    with pytest.raises(CalibrationError, match="none for band R"):
        Calibration(zero_points={"G": 22.5}).apply(np.ones((2, 2), "f4"), header(), "R")


def test_without_calibration_the_very_array_comes_back():
    image = np.ones((2, 2), "f4")
    assert Calibration().apply(image, header(), "R")[0] is image
