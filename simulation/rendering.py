"""Render a galaxy from its parameters: one image per band, without noise."""

from collections.abc import Sequence
from dataclasses import dataclass

import galsim
import numpy as np

from simulation.arms import SpiralPattern, disc_axis_ratio, image_angle
from simulation.fields import MOFFAT_BETA, PIXEL_SCALE, Field
from simulation.population import Galaxy
from simulation.spectra import band_ratios

_MARGIN = 128
"""Pixels by which the Fourier grid exceeds the stamp. Faint light beyond half of it wraps around."""

_MAP_MARGIN = 16
"""Pixels by which the maps of the arms exceed the stamp, so that their edge is not visible."""

_TRUNCATION = 5.0
"""Radius at which Sersic profiles end [half-light radii]; SDSS cut its models at 7 to 8."""


@dataclass(frozen=True)
class _Component:
    """One part of a galaxy: Fourier transform for unit flux, share in the r flux, flux ratios by band."""

    transform: np.ndarray
    share: float
    ratios: np.ndarray


def point_spread_function(field: Field, band: str) -> galsim.GSObject:
    """Return the point-spread function of a field in a band, the pixel's own width included, of unit flux."""
    moffat = galsim.Moffat(beta=MOFFAT_BETA, fwhm=field.seeing[band])
    return moffat.shear(q=1 - field.ellipticity, beta=field.psf_angle * galsim.degrees)


class _FourierGrid:
    """Frequencies of a periodic box of pixels, of which the stamp is the first corner.

    Only half of the plane is kept, as the images are real.
    """

    def __init__(self, size: int) -> None:
        self.side = -(-(size + _MARGIN) // 16) * 16  # a multiple of 16 transforms fast
        self._step = 2 * np.pi / (self.side * PIXEL_SCALE)
        half = self.side // 2
        self._bounds = galsim.BoundsI(0, half, -half, half - 1)

    def transform(self, profile: galsim.GSObject) -> np.ndarray:
        """Return the transform of a profile centred on the first pixel, complex64 (side, side // 2 + 1)."""
        image = galsim.ImageCF(self._bounds, scale=self._step)
        profile.drawKImage(image=image, recenter=False)
        return np.fft.ifftshift(image.array, axes=0)

    def shift(self, x: float, y: float) -> np.ndarray:
        """Return the factor that moves a transform by x, y pixels."""
        phase_x = np.exp(-2j * np.pi * x * np.fft.rfftfreq(self.side))
        phase_y = np.exp(-2j * np.pi * y * np.fft.fftfreq(self.side))
        return (phase_y[:, None] * phase_x[None, :]).astype(np.complex64)

    def transform_map(self, plane: np.ndarray, margin: int) -> np.ndarray:
        """Return the transform of an image whose first pixel lies `margin` pixels before the stamp's."""
        box = np.zeros((self.side, self.side), np.float32)
        box[: plane.shape[0], : plane.shape[1]] = plane
        return np.fft.rfft2(np.roll(box, (-margin, -margin), axis=(0, 1)))

    def image(self, transform: np.ndarray, size: int) -> np.ndarray:
        """Return the stamp that a transform describes, float32 (size, size)."""
        return np.fft.irfft2(transform, s=(self.side, self.side))[:size, :size]


def _sersic(index: float, radius: float, axis_ratio: float, beta: float) -> galsim.GSObject:
    # With radius 1, GalSim's cached table can be used for galaxies of any size.
    unit = galsim.Sersic(n=index, half_light_radius=1.0, trunc=_TRUNCATION)
    return unit.dilate(radius).shear(q=axis_ratio, beta=beta * galsim.radians)


def _in_disc(profile: galsim.GSObject, ratio: float, beta: float) -> galsim.GSObject:
    """Incline a profile that lies in the plane of a disc: shrink it to `ratio` across the long axis."""
    return profile.dilate(np.sqrt(ratio)).shear(q=ratio, beta=beta * galsim.radians)


def _spheroid(
    galaxy: Galaxy, bands: Sequence[str], grid: _FourierGrid, shift: np.ndarray
) -> list[_Component]:
    """Return two nested profiles, the inner one redder: ellipticals have weak colour gradients."""
    beta = image_angle(galaxy.position_angle)
    components = []
    for stretch, age_step in ((0.87, 0.06), (1.15, -0.06)):
        profile = _sersic(galaxy.sersic_index, galaxy.radius * stretch, galaxy.axis_ratio, beta)
        ratios = band_ratios(bands, age=galaxy.age + age_step, reddening=galaxy.reddening)
        components.append(_Component(grid.transform(profile) * shift, 0.5, ratios))
    return components


def _disc_galaxy(
    galaxy: Galaxy,
    bands: Sequence[str],
    grid: _FourierGrid,
    shift: np.ndarray,
    random: np.random.Generator,
    centre: tuple[float, float],
    size: int,
) -> list[_Component]:
    """Return bulge and disc, and bar, arms, dust lanes and knots if the galaxy has them."""
    beta, ratio = image_angle(galaxy.position_angle), disc_axis_ratio(galaxy.inclination)

    def colour(age: float, line_emission: float = 0.0) -> np.ndarray:
        return band_ratios(
            bands, age=age, reddening=galaxy.reddening, line_emission=line_emission, redshift=galaxy.redshift
        )

    flattening = 1 - (1 - galaxy.axis_ratio) * np.sin(np.radians(galaxy.inclination))
    bulge = _sersic(galaxy.sersic_index, galaxy.bulge_radius, float(flattening), beta)
    components = [_Component(grid.transform(bulge) * shift, galaxy.bulge_fraction, colour(galaxy.age))]
    disc_share = 1 - galaxy.bulge_fraction - galaxy.bar_fraction
    pattern = SpiralPattern(galaxy, random) if galaxy.arms else None
    bar_angle = pattern.angle * galaxy.winding if pattern else random.uniform(0, 2 * np.pi)
    if galaxy.bar_fraction:
        bar = galsim.Sersic(n=0.5, half_light_radius=1.0).dilate(0.32 * galaxy.bar_radius)
        bar = _in_disc(bar.shear(q=0.3, beta=bar_angle * galsim.radians), ratio, 0.0).rotate(
            beta * galsim.radians
        )
        components.append(
            _Component(grid.transform(bar) * shift, galaxy.bar_fraction, colour(galaxy.age - 0.05))
        )
    smooth_share = disc_share
    if pattern:
        maps = pattern.maps(size + 2 * _MAP_MARGIN, centre[0] + _MAP_MARGIN, centre[1] + _MAP_MARGIN)
        young, knots = colour(galaxy.arm_age, 0.25), colour(galaxy.arm_age - 0.2, 3.0)
        dust = band_ratios(bands, age=galaxy.disc_age, reddening=galaxy.reddening - 0.6)  # deeper in the blue
        for plane, share, ratios in (
            (maps.young, disc_share, young),
            (maps.knots, disc_share, knots),
            (maps.dust, -disc_share, dust),
        ):
            components.append(_Component(grid.transform_map(plane, _MAP_MARGIN), share, ratios))
        smooth_share = disc_share * (1 - pattern.share)
    disc = _in_disc(galsim.Exponential(half_light_radius=galaxy.radius), ratio, beta)
    components.append(_Component(grid.transform(disc) * shift, smooth_share, colour(galaxy.disc_age)))
    return components


def render_galaxy(
    galaxy: Galaxy,
    field: Field,
    bands: Sequence[str],
    random: np.random.Generator,
    *,
    size: int,
    offset: tuple[float, float] = (0.0, 0.0),
) -> np.ndarray:
    """Draw a galaxy with the seeing of its field, without noise.

    Parameters
    ----------
    galaxy : Galaxy
        The galaxy.
    field : Field
        Field with seeing and zero points.
    bands : sequence of str
        Band names.
    random : numpy.random.Generator
        The object's stream of structure: the shape of the arms.
    size : int
        Width and height of the stamp [pixels].
    offset : tuple of float
        Centre of the galaxy minus centre of the stamp, x and y [pixels].

    Returns
    -------
    numpy.ndarray
        Counts, shape (len(bands), size, size), float32.

    Notes
    -----
    Every part of the galaxy is transformed once. In each band the transforms are added with the flux ratios
    of that band, multiplied by the band's point-spread function and transformed back. This takes one
    transform per band for any number of parts.
    """
    grid = _FourierGrid(size)
    centre = ((size - 1) / 2 + offset[0], (size - 1) / 2 + offset[1])
    shift = grid.shift(*centre)
    if galaxy.kind in ("elliptical", "compact"):
        components = _spheroid(galaxy, bands, grid, shift)
    else:
        components = _disc_galaxy(galaxy, bands, grid, shift, random, centre, size)
    planes = np.empty((len(bands), size, size), np.float32)
    for index, band in enumerate(bands):
        counts = 10 ** (-0.4 * (galaxy.magnitude - field.zero_point[band]))
        total = sum(c.transform * np.float32(counts * c.share * c.ratios[index]) for c in components)
        total = total * grid.transform(point_spread_function(field, band))
        planes[index] = grid.image(total, size)
    return planes
