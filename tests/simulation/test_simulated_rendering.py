"""Images against their own headers and parameters: seeing, flux, place, orientation."""

from dataclasses import replace

import numpy as np
import pytest

from simulation.fields import PIXEL_SCALE, observe_field
from simulation.population import Galaxy
from simulation.rendering import render_galaxy
from simulation.scene import Source, add_noise, add_sources
from simulation.spectra import GAIN, band_ratios
from simulation.streams import Purpose, random_stream

FIELD = observe_field(0, 36)
ELLIPTICAL = Galaxy(
    kind="elliptical",
    magnitude=15.0,
    redshift=0.02,
    radius=2.5,
    position_angle=30.0,
    sersic_index=2.5,
    axis_ratio=0.6,
    age=0.9,
    reddening=0.1,
)
SPIRAL = Galaxy(
    kind="spiral",
    magnitude=14.5,
    redshift=0.005,
    radius=7.0,
    position_angle=70.0,
    sersic_index=2.0,
    axis_ratio=0.9,
    bulge_fraction=0.2,
    bulge_radius=1.5,
    bar_fraction=0.1,
    bar_radius=3.0,
    inclination=50.0,
    arms=2,
    pitch=20.0,
    winding=1,
    arm_strength=0.4,
    arm_sharpness=2.0,
    flocculence=0.3,
    knots=40,
    dust_lanes=0.2,
    age=0.9,
    disc_age=0.6,
    arm_age=0.1,
    reddening=0.1,
)


def structure() -> np.random.Generator:
    """Return a stream of structure, the same at each call."""
    return random_stream(0, Purpose.STRUCTURE, 0)


def render(galaxy: Galaxy, bands=("R",), size: int = 128, offset=(0.0, 0.0)) -> np.ndarray:
    """Draw a galaxy in the test's field."""
    return render_galaxy(galaxy, FIELD, bands, structure(), size=size, offset=offset)


def half_maximum_width(plane: np.ndarray) -> float:
    """Return the full width at half maximum [arcsec] of a source centred on the middle pixel."""
    y, x = np.indices(plane.shape)
    distance = np.hypot(x - plane.shape[1] // 2, y - plane.shape[0] // 2).ravel() * PIXEL_SCALE
    near = np.argsort(distance)[:37]  # as far as 3.5 pixels; the profile falls, so it can be inverted
    order = np.argsort(plane.ravel()[near])
    return 2 * float(np.interp(plane.max() / 2, plane.ravel()[near][order], distance[near][order]))


@pytest.mark.parametrize("band", ["U", "R", "F660"])
def test_star_is_as_wide_as_the_header_says(band):
    planes = np.zeros((1, 65, 65), np.float32)
    add_sources(planes, [Source(32.0, 32.0, 15.0, 0.5)], FIELD, [band])
    assert half_maximum_width(planes[0]) == pytest.approx(FIELD.seeing[band], rel=0.06)
    counts = 10 ** (-0.4 * (15.0 - FIELD.zero_point[band])) * band_ratios([band], age=0.5)[0]
    assert planes.sum() == pytest.approx(counts, rel=0.03)  # a Moffat's wings leave the stamp


@pytest.mark.parametrize("band", ["U", "R"])
def test_galaxies_are_blurred_like_stars(band):
    point = replace(ELLIPTICAL, radius=0.02, axis_ratio=1.0)
    plane = render(point, [band], size=65)[0]
    assert half_maximum_width(plane) == pytest.approx(FIELD.seeing[band], rel=0.06)


def test_seeing_differs_from_band_to_band_and_stays_in_range():
    widths = np.array([list(observe_field(1, number).seeing.values()) for number in range(1, 171)])
    assert widths.min() >= 1.1
    assert widths.max() <= 1.6
    assert widths.std(axis=0).min() > 0.05
    assert widths[:, 0].mean() > widths[:, -1].mean() + 0.05


@pytest.mark.parametrize("band", ["G", "R", "Z"])
def test_flux_of_an_elliptical_is_that_of_its_magnitude_and_zero_point(band):
    counts = 10 ** (-0.4 * (ELLIPTICAL.magnitude - FIELD.zero_point[band]))
    ratio = band_ratios([band], age=ELLIPTICAL.age, reddening=ELLIPTICAL.reddening)[0]
    assert render(ELLIPTICAL, [band]).sum() == pytest.approx(counts * ratio, rel=0.01)


def test_half_the_light_lies_within_the_half_light_radius():
    round_one = replace(ELLIPTICAL, radius=9.0, axis_ratio=1.0)
    plane = render(round_one, size=192)[0]
    y, x = np.indices(plane.shape)
    inside = np.hypot(x - 95.5, y - 95.5) * PIXEL_SCALE < 9.0
    assert plane[inside].sum() / plane.sum() == pytest.approx(0.5, abs=0.015)


def test_flux_of_a_spiral_does_not_depend_on_its_arms():
    counts = 10 ** (-0.4 * (SPIRAL.magnitude - FIELD.zero_point["R"]))
    for strength in (0.1, 0.5):
        assert render(replace(SPIRAL, arm_strength=strength)).sum() == pytest.approx(counts, rel=0.05)


def asymmetry_of_arms(plane: np.ndarray) -> float:
    """Return how much a plane differs from itself turned by 90 degrees, as a share of its flux."""
    return float(np.abs(plane - np.rot90(plane)).sum() / plane.sum())


def test_arms_show_and_grow_with_their_strength():
    face_on = replace(SPIRAL, inclination=0.0, bar_fraction=0.0, bar_radius=0.0)
    weak, strong = (
        asymmetry_of_arms(render(replace(face_on, arm_strength=value))[0]) for value in (0.05, 0.5)
    )
    smooth = asymmetry_of_arms(render(replace(face_on, arms=0, kind="lenticular"))[0])
    assert smooth < 0.02 < weak < strong / 2


def test_light_is_positive_and_arms_are_bluer_than_the_bulge():
    blue, red = render(SPIRAL, ("G", "I"))
    assert min(blue.min(), red.min()) > -1e-3 * red.max()
    ratio = blue / red
    y, x = np.indices(blue.shape)
    distance = np.hypot(x - 63.5, y - 63.5)
    ring = (
        (distance > 14) & (distance < 22) & (red > np.percentile(red[(distance > 14) & (distance < 22)], 70))
    )
    assert np.median(ratio[ring]) > 1.2 * np.median(ratio[distance < 2])


def test_knots_shine_in_the_band_of_hydrogen_unless_redshifted_out_of_it():
    near, far = (
        render(replace(SPIRAL, redshift=value), ("F660", "R")).reshape(2, -1).sum(axis=1)
        for value in (0.004, 0.08)
    )
    assert near[0] / near[1] > 1.02 * far[0] / far[1]


def test_larger_stamp_shows_the_same_galaxy():
    small, large = render(SPIRAL, size=64)[0], render(SPIRAL, size=128)[0]
    np.testing.assert_allclose(large[32:96, 32:96], small, atol=0.004 * small.max())


def test_offset_moves_the_galaxy():
    plane = render(ELLIPTICAL, offset=(0.4, -0.3))[0].astype(float)
    y, x = np.indices(plane.shape)
    assert (plane * x).sum() / plane.sum() == pytest.approx(63.9, abs=0.02)
    assert (plane * y).sum() / plane.sum() == pytest.approx(63.2, abs=0.02)


@pytest.mark.parametrize("galaxy", [ELLIPTICAL, replace(SPIRAL, inclination=70.0)])
def test_long_axis_points_along_the_position_angle(galaxy):
    plane = render(galaxy)[0].astype(float)
    y, x = np.indices(plane.shape) - 63.5
    plane[np.hypot(x, y) > 30] = 0
    xx, yy, xy = (plane * x * x).sum(), (plane * y * y).sum(), (plane * x * y).sum()
    # East is to the left: an angle from north through east turns from +y towards -x.
    angle = np.degrees(0.5 * np.arctan2(-2 * xy, yy - xx))
    assert (angle - galaxy.position_angle + 90) % 180 - 90 == pytest.approx(0, abs=6)


def test_noise_is_that_of_sky_and_photons_and_saturation_cuts_off():
    random = np.random.Generator(np.random.Philox(1))
    empty = add_noise(np.zeros((200, 200), np.float32), FIELD, "R", random)
    assert empty.std() == pytest.approx(FIELD.sky_noise["R"], rel=0.05)
    assert abs(empty.mean()) < 0.4 * FIELD.sky_noise["R"]
    bright = add_noise(np.full((200, 200), 50, np.float32), FIELD, "R", random)
    assert bright.std() == pytest.approx(np.hypot(FIELD.sky_noise["R"], np.sqrt(50 / GAIN)), rel=0.05)
    assert add_noise(np.full((9, 9), 1e4, np.float32), FIELD, "R", random).max() == np.float32(
        FIELD.saturation["R"]
    )
