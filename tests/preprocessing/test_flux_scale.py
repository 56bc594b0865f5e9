import numpy as np
import pytest
from astropy.stats import sigma_clipped_stats

from preprocessing.data_settings import DataSettings
from preprocessing.fits.header import Header
from preprocessing.flux_scale import (
    SATURATION_KEYWORDS,
    ZERO_POINT_KEYWORDS,
    FluxScale,
    FluxScaleError,
    saturation_level,
    sky_level,
)


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
    for stray in (1e13, 1e25, -3e38):
        image[0, 0] = stray
        assert sky_level(image) == pytest.approx(expected, abs=0.1)


@pytest.mark.parametrize("keyword", ZERO_POINT_KEYWORDS)
def test_zero_points_of_headers(keyword):
    image = np.ones((2, 2), "f4")
    flux, factor = FluxScale(zero_points="header").apply(image, header(**{keyword: 25.0}), "R")
    assert factor == pytest.approx(0.1) and flux == pytest.approx(0.1 * image)


def test_a_missing_zero_point_is_an_error():
    with pytest.raises(FluxScaleError, match="MAGZERO"):
        FluxScale(zero_points="header").apply(np.ones((2, 2), "f4"), header(EXPTIME=3.0), "R")
    with pytest.raises(FluxScaleError, match="none for band R"):
        FluxScale(zero_points={"G": 22.5}).apply(np.ones((2, 2), "f4"), header(), "R")


def test_without_scaling_the_same_array_is_returned():
    image = np.ones((2, 2), "f4")
    assert FluxScale().apply(image, header(), "R")[0] is image


def written(keyword: str, text: str) -> Header:
    return Header(f"{keyword:<8}= {text:>20}".ljust(80).encode())


NO_NUMBERS = [
    "-999",
    "-999.",
    "999.0",
    "99",
    "99.99",
    "-99.9",
    "NaN",
    "'NaN'",
    "1e400",
    "-1E+300",
    "9.99E+02",
]


@pytest.mark.parametrize("text", [*NO_NUMBERS, "60.1", "-9999", "'none'", "T", "2.5 mag", "(1.0, 2.0)", ""])
def test_zero_points_that_are_none_are_not_used(text):
    for keyword in ZERO_POINT_KEYWORDS:
        with pytest.raises(FluxScaleError, match="zero point"):
            FluxScale(zero_points="header").apply(np.ones((2, 2), "f4"), written(keyword, text), "R")


@pytest.mark.parametrize(
    ("text", "zero_point"),
    [
        ("0", 0),
        ("0.0", 0),
        ("2.35e+01", 23.5),
        ("2.35D+01", 23.5),
        ("'23.5'", 23.5),
        ("-48.6", -48.6),
        ("+8.9", 8.9),
    ],
)
def test_zero_points_in_any_spelling(text, zero_point):
    flux_scale = FluxScale(zero_points="header", reference_zero_point=zero_point)
    _, factor = flux_scale.apply(np.ones((2, 2), "f4"), written("MAGZERO", text), "R")
    assert factor == pytest.approx(1.0)


def test_a_zero_point_that_is_a_word_is_skipped():
    cards = written("MAGZERO", "'unknown'").cards + written("ZP", "23.5").cards
    assert FluxScale(zero_points="header", reference_zero_point=23.5).apply(
        np.ones((2, 2), "f4"), Header(cards), "R"
    )[1] == pytest.approx(1.0)


def test_factors_out_of_range_are_refused():
    for options in ({"factors": {"R": 1e31}}, {"zero_points": {"R": -60.0}, "factors": {"R": 1e10}}):
        with pytest.raises(FluxScaleError, match="flux would be multiplied by"):
            FluxScale(**options).apply(np.ones((2, 2), "f4"), header(), "R")
    template = {"labels": "t.csv", "stamps": "{name}_{band}.fits"}
    for wrong in (
        {"zero_points": {"R": 99.0}},
        {"flux_factors": {"R": 1e200}},
        {"reference_zero_point": -999},
    ):
        with pytest.raises(ValueError):
            DataSettings(**template, **wrong)


@pytest.mark.parametrize("keyword", SATURATION_KEYWORDS)
def test_saturation(keyword):
    for text in [*NO_NUMBERS, "-1"]:
        with pytest.raises(FluxScaleError, match=f"{keyword} = .* is not a saturation level"):
            saturation_level(written(keyword, text))
    for text, level in (("1.0e+03", 1000.0), ("283.09", 283.09), ("'65535'", 65535.0), ("1e30", 1e30)):
        assert saturation_level(written(keyword, text)) == level
    for text in ("0", "0.0", "'unknown'", "", "T"):
        assert saturation_level(written(keyword, text)) is None
    assert saturation_level(header()) is None
