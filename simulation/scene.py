"""Everything on a stamp except the galaxy: stars, faint neighbours, sky, noise and saturation."""

from collections.abc import Sequence
from dataclasses import dataclass

import galsim
import numpy as np

from simulation.fields import MOFFAT_BETA, PIXEL_SCALE, Field
from simulation.rendering import point_spread_function
from simulation.spectra import GAIN, band_ratios

_AREA = (128 * PIXEL_SCALE) ** 2
"""Area [arcsec2] to which the mean numbers below refer: a stamp of 128 x 128 pixels."""

_STARS, _FAINTEST_STAR, _STAR_SLOPE = 2.2, 20.5, 0.25
_NEIGHBOURS, _FAINTEST_NEIGHBOUR, _NEIGHBOUR_SLOPE = 2.0, 21.0, 0.35
"""Mean number on a stamp, faintest r magnitude, and slope of log10 of the counts per magnitude."""


@dataclass(frozen=True)
class Source:
    """A star or a faint neighbour.

    Attributes
    ----------
    x, y : float
        Position on the stamp [pixels, first pixel centre at 0].
    magnitude : float
        r magnitude [AB mag].
    age : float
        Colour, see `simulation.spectra.band_ratios`.
    width : float
        Full width at half maximum before seeing [arcsec]; 0 for a star.
    axis_ratio, angle : float
        Shape of a neighbour, and direction of its long axis [deg from +x to +y].
    """

    x: float
    y: float
    magnitude: float
    age: float
    width: float = 0.0
    axis_ratio: float = 1.0
    angle: float = 0.0


def draw_surroundings(random: np.random.Generator, size: int) -> list[Source]:
    """Draw the stars and neighbours of one stamp.

    Parameters
    ----------
    random : numpy.random.Generator
        The object's stream of surroundings.
    size : int
        Width and height of the stamp [pixels].

    Returns
    -------
    list of Source
        Sources with the number counts of the galactic pole. Bright stars are at least 9 arcsec from the
        centre, because surveys and volunteers skip galaxies behind one.
    """
    area = (size * PIXEL_SCALE) ** 2 / _AREA
    sources = []
    for _ in range(random.poisson(_STARS * area)):
        magnitude = _FAINTEST_STAR + np.log10(1 - random.random()) / _STAR_SLOPE
        x, y = random.uniform(0, size - 1, 2)
        age = random.uniform(-0.1, 1.35)
        if magnitude > 17.5 or np.hypot(x - size / 2, y - size / 2) * PIXEL_SCALE > 9:
            sources.append(Source(float(x), float(y), float(max(magnitude, 12.0)), float(age)))
    for _ in range(random.poisson(_NEIGHBOURS * area)):
        magnitude = _FAINTEST_NEIGHBOUR + np.log10(1 - random.random()) / _NEIGHBOUR_SLOPE
        x, y = random.uniform(0, size - 1, 2)
        width, axis_ratio = random.lognormal(np.log(1.3), 0.4), random.uniform(0.35, 1)
        age, angle = random.normal(0.65, 0.3), random.uniform(0, 180)
        if magnitude > 18 or np.hypot(x - size / 2, y - size / 2) * PIXEL_SCALE > 9:
            sources.append(
                Source(float(x), float(y), float(max(magnitude, 16.0)), age, width, axis_ratio, angle)
            )
    return sources


def add_sources(planes: np.ndarray, sources: Sequence[Source], field: Field, bands: Sequence[str]) -> None:
    """Add sources to the planes of a stamp, in place.

    Parameters
    ----------
    planes : numpy.ndarray
        Counts, shape (len(bands), size, size), float32.
    sources : sequence of Source
        Sources to add.
    field : Field
        Field with seeing and zero points.
    bands : sequence of str
        Band names.
    """
    size = planes.shape[-1]
    for source in sources:
        ratios = band_ratios(bands, age=source.age)
        column, row = round(source.x), round(source.y)
        # The wings of a bright star cover the stamp; those of a faint source are below the noise.
        reach = size if source.magnitude < 16 else 32 if source.magnitude < 18.5 else 16
        left, right = max(column - reach, 0), min(column + reach, size - 1)
        bottom, top = max(row - reach, 0), min(row + reach, size - 1)
        for index, band in enumerate(bands):
            counts = 10 ** (-0.4 * (source.magnitude - field.zero_point[band])) * ratios[index]
            if source.width:
                # Neighbours are barely resolved, so a wider Moffat profile is used for a disc with seeing.
                profile = galsim.Moffat(
                    beta=MOFFAT_BETA, fwhm=float(np.hypot(field.seeing[band], source.width))
                )
                profile = profile.shear(q=source.axis_ratio, beta=source.angle * galsim.degrees)
            else:
                profile = point_spread_function(field, band)
            image = galsim.ImageF(galsim.BoundsI(left, right, bottom, top), scale=PIXEL_SCALE)
            # no_pixel, because the point-spread function already includes the pixel.
            profile.withFlux(counts).drawImage(
                image=image, method="no_pixel", center=galsim.PositionD(source.x, source.y)
            )
            planes[index, bottom : top + 1, left : right + 1] += image.array


def add_noise(plane: np.ndarray, field: Field, band: str, random: np.random.Generator) -> np.ndarray:
    """Return a plane with sky residual, photon and sky noise, clipped at saturation.

    Parameters
    ----------
    plane : numpy.ndarray
        Counts without noise, shape (size, size).
    field : Field
        Field with noise and saturation level.
    band : str
        Band name.
    random : numpy.random.Generator
        The stream of this object and band.

    Returns
    -------
    numpy.ndarray
        Counts, same shape, float32. Negative pixels are normal: the sky has been subtracted.
    """
    sky = field.sky_noise[band]
    level, slope_x, slope_y = random.normal(0, 0.08 * sky, 3)
    ramp = np.linspace(-1, 1, plane.shape[0], dtype=np.float32)
    residual = (level + slope_x * ramp[None, :] + slope_y * ramp[:, None]).astype(np.float32)
    deviation = np.sqrt(np.float32(sky**2) + np.maximum(plane, 0) / np.float32(GAIN))
    noisy = plane + residual + deviation * random.standard_normal(plane.shape, dtype=np.float32)
    return np.minimum(noisy, np.float32(field.saturation[band]))
