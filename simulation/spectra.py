"""Colours of stellar populations, and the depth of each band."""

from collections.abc import Sequence
from dataclasses import astuple, dataclass

import numpy as np

from preprocessing.bands import BAND_TABLE, BANDS


@dataclass(frozen=True)
class Passband:
    """One band of the survey, and the colour of three kinds of light in it.

    Attributes
    ----------
    old, young : float
        Magnitude minus r magnitude of an old and of a young stellar population [AB mag].
    dust : float
        Absorption by dust relative to the band R.
    zero_point : float
        Magnitude of one count [AB mag]. The bands lie closer together than in S-PLUS, where narrow bands
        lose two magnitudes: every RGB combination is then well exposed with one stretch.
    sky_noise : float
        Standard deviation of the sky [counts/pixel].
    """

    old: float
    young: float
    dust: float
    zero_point: float
    sky_noise: float


_KNOWN = {
    "U": Passband(2.55, 0.95, 1.75, 23.2, 0.035),
    "F378": Passband(2.35, 0.82, 1.67, 22.9, 0.035),
    "F395": Passband(2.10, 0.68, 1.61, 22.9, 0.035),
    "F410": Passband(1.55, 0.46, 1.56, 23.0, 0.035),
    "F430": Passband(1.30, 0.38, 1.50, 23.0, 0.035),
    "G": Passband(0.80, 0.20, 1.38, 24.2, 0.095),
    "F515": Passband(0.50, 0.13, 1.26, 23.1, 0.040),
    "R": Passband(0.00, 0.00, 1.00, 23.8, 0.090),
    "F660": Passband(-0.06, -0.05, 0.93, 23.1, 0.050),
    "I": Passband(-0.38, -0.10, 0.77, 23.7, 0.100),
    "F861": Passband(-0.60, -0.18, 0.63, 22.9, 0.055),
    "Z": Passband(-0.66, -0.20, 0.59, 23.3, 0.110),
}


def _passband(name: str) -> Passband:
    """Return a passband; for a band that is not in the table, interpolate in wavelength."""
    if name in _KNOWN:
        return _KNOWN[name]
    known = [(BAND_TABLE[other].wavelength, passband) for other, passband in _KNOWN.items()]
    wavelengths, passbands = zip(*known, strict=True)
    columns = zip(*map(astuple, passbands), strict=True)
    return Passband(*(float(np.interp(BAND_TABLE[name].wavelength, wavelengths, one)) for one in columns))


PASSBANDS = {name: _passband(name) for name in BANDS}
"""Passband by band name, in the order of `preprocessing.bands.BANDS`."""

GAIN = 110.0
"""Electrons per count, for the photon noise of an object."""

_LINE_LIMIT = 0.02
"""Redshift beyond which H-alpha has left the band F660 (width 14 nm)."""


def band_ratios(
    bands: Sequence[str],
    *,
    age: float,
    reddening: float = 0.0,
    line_emission: float = 0.0,
    redshift: float = 0.0,
) -> np.ndarray:
    """Return the flux of a stellar population in each band, relative to the band R.

    Parameters
    ----------
    bands : sequence of str
        Band names.
    age : float
        0 for the colours of a young population, 1 for those of an old one; a little outside is allowed.
    reddening : float
        Absorption in R [mag] by a foreground screen; the flux in R stays 1.
    line_emission : float
        Flux of H-alpha in F660, relative to the flux of the stars there.
    redshift : float
        Redshift, which moves H-alpha out of F660.

    Returns
    -------
    numpy.ndarray
        Ratio of flux densities, shape (len(bands),), float64.
    """
    ratios = np.empty(len(bands))
    for index, band in enumerate(bands):
        passband = PASSBANDS[band]
        colour = passband.young + age * (passband.old - passband.young) + reddening * (passband.dust - 1)
        ratios[index] = 10 ** (-0.4 * colour)
        if band == "F660":
            ratios[index] *= 1 + line_emission * np.exp(-((redshift / _LINE_LIMIT) ** 4))
    return ratios
