"""Measurements against analytic profiles, numbers computed here by hand, and galsim's photometry."""

import math

import galsim
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from preprocessing.measurements import measure

SIDE = 128


def stamps(*profiles: np.ndarray, noise: float = 0.0, sky: float = 0.0, seed: int = 0) -> np.ndarray:
    """Return flux (N, SIDE, SIDE, 3): the profiles divided among three bands 1 : 2 : 3, with noise."""
    flux = np.stack(profiles)[..., None] * (np.array([1, 2, 3]) / 6) + sky / 3
    return (flux + np.random.default_rng(seed).normal(0, noise / math.sqrt(3), flux.shape)).astype("f4")


def radii(side: int = SIDE) -> np.ndarray:
    y, x = np.mgrid[:side, :side] - (side - 1) / 2
    return np.hypot(x, y)


def gaussian(flux: float, half_light: float) -> np.ndarray:
    sigma = half_light / math.sqrt(2 * math.log(2))
    return flux * np.exp(-(radii() ** 2) / (2 * sigma**2)) / (2 * math.pi * sigma**2)


def exponential(flux: float, half_light: float) -> np.ndarray:
    scale = half_light / 1.6783469900166605  # of (1 + x) exp(-x) = 1 / 2
    return flux * np.exp(-radii() / scale) / (2 * math.pi * scale**2)


@pytest.mark.parametrize("half_light", [3.0, 6.0, 10.0])
@pytest.mark.parametrize(("profile", "tolerance"), [(gaussian, 0.02), (exponential, 0.04)])
def test_half_light_radii_are_those_of_the_profile(profile, half_light, tolerance):
    flux = stamps(profile(1e5, half_light), profile(1e5, half_light), noise=1.0, sky=20.0)
    found = measure(flux)
    assert found.half_light_radius == pytest.approx([half_light] * 2, rel=tolerance)


def test_half_light_radii_are_galsims():
    profiles, expected = [], []
    for index, half_light in ((1.0, 5.0), (2.0, 4.0), (1.0, 9.0)):
        disc = galsim.Sersic(index, half_light_radius=half_light, flux=1e5).shear(
            q=0.7, beta=0.6 * galsim.radians
        )
        seen = galsim.Convolve(disc, galsim.Moffat(beta=3.5, fwhm=3.0))
        image = seen.drawImage(nx=SIDE, ny=SIDE, scale=1.0)
        profiles.append(image.array)
        expected.append(image.calculateHLR(flux=1e5))
    found = measure(stamps(*profiles, noise=0.5))
    assert found.half_light_radius == pytest.approx(expected, rel=0.06)


def test_brightness_is_the_flux_in_the_aperture_above_the_sky():
    # A Gaussian with a half-light radius r holds 1 - 2 ** -(R / r) ** 2 of its flux within R = 16 pixels.
    share = [1 - 0.5 ** (16 / half_light) ** 2 for half_light in (8.0, 16.0)]
    found = measure(stamps(gaussian(1000, 8.0), gaussian(1000, 16.0), sky=-7.0))
    assert found.brightness == pytest.approx(1000 * np.array(share), rel=5e-3)


def test_signal_to_noise_is_that_of_many_trials():
    profile, trials = gaussian(3000.0, 5.0), 400
    found = measure(stamps(*[profile] * trials, noise=2.0, sky=5.0))
    scatter = found.brightness.std()
    assert scatter == pytest.approx(np.median(found.brightness / found.signal_to_noise), rel=0.1)
    # By hand: pi * 16 ** 2 pixels of noise 2, and the sky level of (1 - pi / 4) * 128 ** 2 pixels.
    pixels, of_sky = math.pi * 16**2, (1 - math.pi / 4) * SIDE**2
    error = 2.0 * math.sqrt(pixels + math.pi / 2 * pixels**2 / of_sky)
    assert np.median(found.signal_to_noise) == pytest.approx(2998 / error, rel=0.02)


def test_noise_has_a_signal_to_noise_of_one():
    found = measure(stamps(*[np.zeros((SIDE, SIDE))] * 400, noise=3.0, sky=100.0))
    assert found.signal_to_noise.std() == pytest.approx(1.0, abs=0.15)
    assert found.signal_to_noise.mean() == pytest.approx(0.0, abs=0.2)


def test_blank_pixels_get_the_mean_of_their_ring():
    whole = stamps(exponential(1e5, 7.0), noise=0.5)
    holed = whole.copy()
    holed[0, 60:64, 64:90, 1] = np.nan
    holed[0, :40] = np.inf
    one, other = measure(whole), measure(holed)
    assert other.brightness == pytest.approx(one.brightness, rel=0.01)
    assert other.half_light_radius == pytest.approx(one.half_light_radius, rel=0.02)
    assert other.signal_to_noise == pytest.approx(one.signal_to_noise, rel=0.2)


def test_what_cannot_be_measured_is_no_number():
    flux = np.zeros((4, 32, 32, 3), "f4")
    flux[1] = np.nan
    flux[2, 15:17, 15:17] = -5
    flux[3, 15:17, 15:17] = 5
    found = measure(flux)
    assert [float(value) for value in found.brightness[[0, 2, 3]]] == [0, -60, 60]
    assert list(found.signal_to_noise[2:]) == [-math.inf, math.inf]
    assert np.isnan(found.signal_to_noise[:2]).all() and np.isnan(found.brightness[1])
    assert list(np.isnan(found.half_light_radius)) == [True, True, True, False]


@given(st.integers(8, 60), st.integers(0, 2**32 - 1), st.sampled_from([0.0, 0.1, 0.9]))
@settings(max_examples=40, deadline=None)
def test_size_and_scale(side, seed, blank):
    """Flux times ten is ten times as bright, and just as large and clear; order does not matter."""
    random = np.random.default_rng(seed)
    flux = (random.normal(0, 1, (5, side, side, 3)) + 50 * np.exp(-radii(side) / 2)[..., None]).astype("f4")
    flux[random.random(flux.shape) < blank] = np.nan
    one, ten, turned = measure(flux), measure(flux * np.float32(8)), measure(flux[::-1])
    np.testing.assert_allclose(ten.brightness, one.brightness * 8, rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(ten.signal_to_noise, one.signal_to_noise, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(ten.half_light_radius, one.half_light_radius, rtol=1e-3)
    np.testing.assert_allclose(turned.brightness[::-1], one.brightness, rtol=1e-4, atol=1e-4)
    known = one.half_light_radius[np.isfinite(one.half_light_radius)]
    assert ((known > 0) & (known <= side / 2)).all()


@pytest.mark.parametrize("side", [16, 41, SIDE])
def test_tensorflow_measures_the_same(side):
    import tensorflow as tf
    from tensorflow.experimental import numpy as tf_numpy

    random = np.random.default_rng(side)
    scales = random.uniform(1, side / 10, (20, 1, 1))
    profiles = random.uniform(0, 500, (20, 1, 1)) * np.exp(-radii(side) / scales)
    flux = (profiles[..., None] + random.normal(0, 1, (20, side, side, 3))).astype("f4")
    flux[3, : side // 3], flux[5], flux[7] = np.nan, np.nan, 0
    graph = tf.function(
        lambda batch: measure(batch, tf_numpy),
        input_signature=[tf.TensorSpec([None, side, side, 3], tf.float32)],
        autograph=False,
    )
    for name, ours, theirs in zip(measure(flux)._fields, measure(flux), graph(flux), strict=True):
        np.testing.assert_allclose(theirs, ours, rtol=1e-3, atol=2e-2, err_msg=name)
        assert theirs.dtype == tf.float32 and ours.dtype == np.float32
