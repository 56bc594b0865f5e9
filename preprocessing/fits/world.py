"""Coordinate systems of headers, by `astropy.wcs`."""

import math
import re
import warnings

import numpy as np
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.wcs import WCS

from preprocessing.fits.header import Header

_EXPONENT = re.compile(r"(.{8}= *[+-]?[\d.]+)[Dd](?=[+-]?\d)")


def pixel_by_astropy(cards: bytes, ra: float, dec: float) -> tuple[float, float] | None:
    """Return the pixel of a position with `astropy.wcs`, in this process. Some headers crash it.

    Parameters
    ----------
    cards : bytes
        Cards of the header.
    ra, dec : float
        ICRS [deg].

    Returns
    -------
    (float, float) or None
        See `preprocessing.sky_position.pixel_of`.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            system = WCS(_with_plain_exponents(Header(cards).parsed)).celestial
            if np.linalg.det(system.pixel_scale_matrix) == 0:
                return None
            place = SkyCoord(ra, dec, unit="deg")
            try:
                x, y = system.world_to_pixel(place)
            except Exception:
                if not system.has_distortion:
                    raise
                # Far off the image a distortion has no inverse. Without it, the position is off as well.
                system.sip = system.cpdis1 = system.cpdis2 = system.det2im1 = system.det2im2 = None
                x, y = system.world_to_pixel(place)
    except Exception:  # astropy cannot read the coordinate system, so the position cannot be checked
        return None
    return (float(x), float(y)) if math.isfinite(x) and math.isfinite(y) else (math.inf, math.inf)


def _with_plain_exponents(header: fits.Header) -> fits.Header:
    """Write 1.5D-04 as 1.5E-04, because the wcslib of astropy 8 reads the former as 1.5."""
    cards = [_EXPONENT.sub(r"\1E", card.image, count=1) for card in header.cards]
    return fits.Header.fromstring("".join(cards))
