"""What is suggested and found, against astropy and by hand."""

import math

import numpy as np
import pytest
from astropy.visualization import make_lupton_rgb

from preprocessing.data_settings import DataSettings
from preprocessing.settings import ImageSettings
from report.inspection.advice import Suggestion, brightness, flux_factors, full_scale, pedestals, suggest
from report.inspection.flux_findings import flux_findings
from report.inspection.survey import BandSurvey, Survey


def band(noise: float, sky: float = 0.0, peak: float = 10.0, count: int = 5) -> BandSurvey:
    """Stamps that all have these statistics, in flux units."""
    found = BandSurvey()
    found.measured([(sky, noise, sky, peak, 0.0, 0.0)] * count)
    return found


def found_in(bands: dict[str, BandSurvey], image: ImageSettings | None = None, **data) -> list[str]:
    image = image or ImageSettings()
    peaks = {name: found.median("peak") for name, found in bands.items()}
    settings = DataSettings(labels="labels.csv", stamps="{band}/{name}.fits", **data)
    findings = flux_findings(Survey(bands), peaks, suggest(image.bands, bands), image, settings)
    return [f"{finding.kind}: {finding.text} {finding.remedy}" for finding in findings]


def test_three_sigma_of_the_intensity_is_shown_at_a_tenth():
    rng = np.random.default_rng(0)
    noises = {"I": 0.02, "R": 0.03, "G": 0.05}
    suggestion = suggest("IRG", {name: band(noise) for name, noise in noises.items()})
    planes = [rng.normal(scale=noise, size=(400, 400)) for noise in noises.values()]
    assert suggestion.noise == pytest.approx(np.mean(planes, axis=0).std(), rel=0.01)
    grey = np.full((4, 4), 3 * suggestion.noise)
    for q in (1e-3, 1, 8, 20):
        shown = make_lupton_rgb(grey, grey, grey, stretch=suggestion.stretch, Q=q)
        assert abs(int(shown[0, 0, 0]) - 25.5) <= 1


@pytest.mark.parametrize("q", [0.0, 0.5, 8.0, 20.0])
def test_the_curve_is_that_of_astropy(q):
    image = ImageSettings(stretch=2.0, q=q)
    intensity = np.geomspace(1e-3, 1e3, 64).reshape(8, 8)
    shown = make_lupton_rgb(intensity, intensity, intensity, stretch=2.0, Q=q)[..., 0]
    assert np.abs(255 * brightness(intensity, 2.0, q) - shown).max() <= 1
    top = np.array([0.99, 1.0]) * full_scale(image)
    assert brightness(top, 2.0, q)[0] < 1 == pytest.approx(brightness(top, 2.0, q)[1])


def test_no_noise_no_suggestion():
    for bands in ({name: band(0.0) for name in "IRG"}, {name: BandSurvey() for name in "IRG"}):
        suggestion = suggest("IRG", bands)
        assert math.isnan(suggestion.stretch)
        assert suggestion.minimum == (0, 0, 0) or np.isnan(suggestion.minimum).all()
    assert [
        "no stretch can be suggested" in text
        for text in found_in(bands | {name: band(0.0) for name in "IRG"})
    ] == [True]


def test_the_sky_becomes_the_minimum_where_it_is_above_its_noise():
    quiet = suggest("IRG", {"I": band(1.0, 0.5), "R": band(1.0, -0.9), "G": band(1.0)})
    assert quiet == Suggestion(quiet.stretch, (0.0, 0.0, 0.0), quiet.noise)
    raised = {"I": band(1.0, 1100), "R": band(1.0, 0.5), "G": band(1.0, -7)}
    assert suggest("IRG", raised).minimum == (1100, 0.5, -7)
    assert pedestals(raised) == {"I": 1100, "G": -7}
    assert any('background = "sigma_clip"' in text for text in found_in(raised))
    again = found_in(raised, background="sigma_clip")
    assert any("already subtracted" in text for text in again)
    assert not any('background = "sigma_clip"' in text for text in again)


def test_bands_of_different_scale_get_powers_of_ten():
    peaks = {"U": 5e-11, "G": 2e-10, "R": 5e-10, "I": 9e-10, "Z": 8e2}
    assert flux_factors(peaks, 100) == {"Z": 1e-12}
    assert flux_factors({"I": 20.0, "R": 10.0, "G": 0.5}, 100) == {}
    assert flux_factors({"I": math.nan, "R": -1.0}, 100) == {}
    bands = {name: band(peak / 100, peak=peak) for name, peak in peaks.items()}
    for rgb, kind in (("ZRG", "warning"), ("IRG", "note")):  # a note where the picture does not use Z
        image = ImageSettings(stretch=1e-10, rgb=rgb)
        (found,) = [text for text in found_in(bands, image) if "orders of" in text]
        assert found.startswith(kind) and "flux_factors = {Z = 1e-12}" in found and "zero_points" in found


def test_stamps_of_two_surveys_are_told_apart():
    bands = {name: band(1e-11) for name in "IRG"}
    assert not any("percentile" in text for text in found_in(bands, ImageSettings(stretch=1e-10)))
    for found in bands.values():
        found.add(band(0.01))
    assert any("stamps of one band" in text and "I 1e+09" in text for text in found_in(bands))


@pytest.mark.parametrize(
    ("stretch", "expected"), [(175.0, "black"), (1.0, "saturated"), (17.0, None), (5.0, None)]
)
def test_a_stretch_far_from_the_noise_is_named(stretch, expected):
    bands = {name: band(1.0, peak=30.0) for name in "IRG"}  # suggests 17
    texts = [text for text in found_in(bands, ImageSettings(stretch=stretch)) if "[image] stretch =" in text]
    assert [expected in text for text in texts] == ([True] if expected else [])


def test_centres_at_full_brightness_are_named():
    image = ImageSettings(stretch=17.0)
    bands = {name: band(1.0, peak=1.1 * full_scale(image)) for name in "IRG"}
    assert any("saturated" in text and "100%" in text for text in found_in(bands, image))
    dimmer = {name: band(1.0, peak=0.9 * full_scale(image)) for name in "IRG"}
    assert not any("saturated" in text for text in found_in(dimmer, image))
