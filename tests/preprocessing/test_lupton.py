"""The TensorFlow picture against astropy's."""

import warnings

import numpy as np
import pytest
from astropy.io import fits
from astropy.visualization import make_lupton_rgb
from hypothesis import given, settings
from hypothesis import strategies as st

from preprocessing.lupton import lupton_rgb


def reference(flux: np.ndarray, **parameters) -> np.ndarray:
    """astropy's picture of one stamp (H, W, 3)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of NaN and infinity
        return make_lupton_rgb(*np.moveaxis(flux, -1, 0), **parameters)


def assert_same_picture(flux: np.ndarray, *, stretch=3.0, q=8.0, minimum=(0.0, 0.0, 0.0)) -> None:
    ours = lupton_rgb(flux, stretch=stretch, q=q, minimum=minimum).numpy().astype(int)
    theirs = reference(flux, stretch=stretch, Q=q, minimum=list(minimum)).astype(int)
    assert ours.shape == theirs.shape
    assert np.abs(ours - theirs).max() <= 1


def galaxy(random: np.random.Generator, side: int = 64) -> np.ndarray:
    """A source with a Gaussian core, colours and noise: negative, faint, bright and saturated pixels."""
    y, x = np.mgrid[:side, :side] - side / 2
    profile = np.exp(-(x**2 + y**2) / 60.0)
    colours = random.uniform(1, 400, 3)
    return (profile[..., None] * colours + random.normal(0, 0.3, (side, side, 3))).astype(np.float32)


def test_noisy_galaxy():
    flux = galaxy(np.random.default_rng(1))
    assert (flux < 0).any() and reference(flux, stretch=3, Q=8).max() == 255
    assert_same_picture(flux)


def test_zero_negative_and_not_finite_pixels():
    flux = galaxy(np.random.default_rng(2))
    flux[0, :8] = 0
    flux[1, :8] = -5
    flux[2, :8, 0] = np.nan
    flux[3, :8, 1] = np.inf
    flux[4, :8, 2] = -np.inf
    flux[5, :8] = np.nan
    flux[6, :8] = [1e30, 1.0, 1.0]
    flux[7, :8] = [-4.0, 2.0, 2.0]  # intensity 0
    assert_same_picture(flux)
    picture = lupton_rgb(flux, stretch=3.0, q=8.0).numpy()
    assert (picture[2:6, :8] == 0).all(), "a pixel without an intensity is black"


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    stretch=st.floats(1e-3, 1e3),
    q=st.one_of(st.just(0.0), st.floats(1e-3, 100)),
    minimum=st.tuples(*[st.floats(-2, 2)] * 3),
    scale=st.integers(-6, 5),
)
def test_any_setting_and_flux_scale(seed, stretch, q, minimum, scale):
    # 32 bits hold the flux, so settings are brought to the flux's own scale, as a user would.
    factor = 10.0**scale
    flux = galaxy(np.random.default_rng(seed), side=24) * np.float32(factor)
    assert_same_picture(
        flux, stretch=stretch * factor, q=q, minimum=tuple(np.float32(m * factor) for m in minimum)
    )


@pytest.mark.parametrize("q", [1e-3, 8.0, 1e10])
def test_flux_of_any_size_has_the_curve_of_astropy(q):
    most = 37 - np.log10(max(q, 1))  # beyond, astropy's own numbers overflow
    grey = np.logspace(-37, most, 5000, dtype=np.float32)
    flux = np.stack([grey, grey * np.float32(0.5), grey * np.float32(0.9)], axis=-1)[None]
    assert_same_picture(flux, stretch=1.0, q=q)


def test_batches_are_pictures_side_by_side():
    random = np.random.default_rng(3)
    flux = np.stack([galaxy(random) for _ in range(5)])
    batch = lupton_rgb(flux, stretch=3.0).numpy()
    assert all(
        np.array_equal(picture, lupton_rgb(one, stretch=3.0))
        for picture, one in zip(batch, flux, strict=True)
    )


@pytest.mark.parametrize("bands", ["IRG", "RGU", "ZRG"])
def test_real_stamps(real_data, bands):
    stretches = {"Z": 3e4}  # Z is in other units
    compared = 0
    folder = real_data / "kids-stamps"
    for path in sorted((folder / f"{bands[0]}_stamps").glob("*.fits")):
        name = path.name.rsplit("_", 1)[0]
        paths = [folder / f"{band}_stamps" / f"{name}_{band}.fits" for band in bands]
        if not all(path.exists() for path in paths):
            continue
        planes = [fits.getdata(path).astype(np.float32) for path in paths]
        if len({plane.shape for plane in planes}) > 1:
            continue
        flux = np.stack(planes, axis=-1)
        assert_same_picture(flux, stretch=stretches.get(bands[0], 3e-11))
        flux[::7, ::5] = np.nan
        assert_same_picture(flux, stretch=stretches.get(bands[0], 3e-11))
        compared += 1
    assert compared >= 30
