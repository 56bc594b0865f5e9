"""Fields of the survey: positions, seeing, depth and zero points."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from preprocessing.bands import BAND_TABLE
from simulation.spectra import PASSBANDS
from simulation.streams import Purpose, random_stream

PIXEL_SCALE = 0.55
"""Width of a pixel [arcsec] (Mendes de Oliveira et al. 2019)."""

TILE_SIZE = 9200
"""Side of a field [pixels]: 1.4 deg."""

FIELDS = 170
"""Number of fields along Stripe 82: two rows of 85."""

MOFFAT_BETA = 2.5
"""Slope of the wings of the point-spread function (Moffat 1969, A&A 3, 455), as in S-PLUS."""

_SHARED_STREAM = 12
"""Bands with smaller numbers are drawn from the stream of the field."""
_TILE_CENTRE = (TILE_SIZE + 1) / 2
_SPACING = 120.0 / (FIELDS // 2)


@dataclass(frozen=True)
class Field:
    """One field of 1.4 x 1.4 deg and its observing conditions.

    Attributes
    ----------
    number : int
        1 to `FIELDS`.
    ra, dec : float
        Centre [deg].
    seeing : dict of str to float
        Full width at half maximum of stars, pixels included [arcsec], by band.
    ellipticity, psf_angle : float
        Ellipticity of the point-spread function (1 - b/a); direction of its long axis [deg from +x to +y].
    zero_point : dict of str to float
        Magnitude of one count [AB mag], by band.
    sky_noise : dict of str to float
        Standard deviation of the sky [counts/pixel], by band.
    saturation : dict of str to float
        Level at which pixels saturate [counts], by band.
    modified_julian_date : int
        Date of observation [days].
    """

    number: int
    ra: float
    dec: float
    seeing: dict[str, float]
    ellipticity: float
    psf_angle: float
    zero_point: dict[str, float]
    sky_noise: dict[str, float]
    saturation: dict[str, float]
    modified_julian_date: int

    @property
    def name(self) -> str:
        """Name such as ``STRIPE82-0036``."""
        return f"STRIPE82-{self.number:04d}"

    def sky_position(self, x: float, y: float) -> tuple[float, float]:
        """Return right ascension and declination [deg] of a tile position [pixels, first pixel centre at 1].

        The projection is the gnomonic one of the header (TAN; Calabretta & Greisen 2002, A&A 395, 1077),
        north up and east to the left.
        """
        xi = np.radians(-(x - _TILE_CENTRE) * PIXEL_SCALE / 3600)
        eta = np.radians((y - _TILE_CENTRE) * PIXEL_SCALE / 3600)
        dec0 = np.radians(self.dec)
        denominator = np.cos(dec0) - eta * np.sin(dec0)
        ra = self.ra + np.degrees(np.arctan2(xi, denominator))
        dec = np.degrees(np.arctan2(np.sin(dec0) + eta * np.cos(dec0), np.hypot(xi, denominator)))
        return float(ra % 360), float(dec)

    def reference_pixel(self, corner_x: int, corner_y: int) -> tuple[float, float]:
        """Return the field's centre in FITS pixels of a stamp whose first pixel is this tile pixel."""
        return _TILE_CENTRE - corner_x + 1, _TILE_CENTRE - corner_y + 1


@lru_cache(maxsize=FIELDS)
def observe_field(seed: int, number: int) -> Field:
    """Draw the observing conditions of one field.

    Parameters
    ----------
    seed : int
        Seed of the survey.
    number : int
        Number of the field, 1 to `FIELDS`.

    Returns
    -------
    Field
        The same for the same arguments. All bands are drawn, so that the choice of bands has no effect. The
        first twelve, by their numbers, share a stream with the field itself. Each later one has its own
        stream, so that an additional band does not change the others.
    """
    random = random_stream(seed, Purpose.FIELD, number)
    column, row = divmod(number - 1, 2)
    airmass = random.uniform(1.0, 1.3)
    site_seeing = random.uniform(1.08, 1.38)
    seeing, zero_point, sky_noise, saturation = {}, {}, {}, {}
    for band in sorted(BAND_TABLE.values(), key=lambda band: band.number):
        passband, name = PASSBANDS[band.name], band.name
        shared = band.number < _SHARED_STREAM
        own = random if shared else random_stream(seed, Purpose.FIELD, number, band.number)
        # Kolmogorov turbulence: seeing falls slowly with wavelength and grows with airmass.
        width = site_seeing * airmass**0.6 * (band.wavelength / 623) ** -0.2 * own.normal(1, 0.04)
        seeing[name] = round(float(np.clip(width, 1.1, 1.6)), 4)
        zero_point[name] = round(passband.zero_point + own.normal(0, 0.03), 4)
        sky_noise[name] = round(passband.sky_noise * own.lognormal(0, 0.1), 6)
        saturation[name] = round(float(own.uniform(230, 330)), 6)
    return Field(
        number=number,
        ra=(300 + _SPACING * (column + 0.5)) % 360,
        dec=0.7 if row else -0.7,
        seeing=seeing,
        ellipticity=round(float(random.uniform(0.005, 0.06)), 5),
        psf_angle=round(float(random.uniform(0, 180)), 3),
        zero_point=zero_point,
        sky_noise=sky_noise,
        saturation=saturation,
        modified_julian_date=int(random.integers(57500, 58900)),
    )
