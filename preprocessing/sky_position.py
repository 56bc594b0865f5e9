"""Where on a stamp a position on the sky lies."""

import math
import warnings

from astropy.io import fits
from astropy.wcs import WCS

from preprocessing.fits.header import Header

_MATRICES = (("CD1_1", "CD1_2", "CD2_1", "CD2_2"), ("PC1_1", "PC1_2", "PC2_1", "PC2_2"))
_DISTORTIONS = ("A_ORDER", "PV1_1", "PV2_1", "CROTA2")


def pixel_of(header: Header, ra: float, dec: float) -> tuple[float, float] | None:
    """Return the pixel of a position.

    Parameters
    ----------
    header : Header
        Of the stamp.
    ra, dec : float
        J2000 [deg].

    Returns
    -------
    (float, float) or None
        x and y, the centre of the first pixel being (0, 0); infinite for a position on the other side of
        the sky; None if the header has no celestial coordinate system.

    Notes
    -----
    Plain gnomonic projections (Calabretta & Greisen 2002, A&A 395, 1077) are computed here in microseconds;
    any other system is left to `astropy.wcs`, which takes a millisecond.
    """
    first, second = header.get("CTYPE1"), header.get("CTYPE2")
    if not isinstance(first, str) or not isinstance(second, str):
        return None
    if first == "RA---TAN" and second == "DEC--TAN" and _is_plain(header):
        return _gnomonic(header, ra, dec)
    if {first[:4], second[:4]} & {"RA--", "DEC-", "GLON", "GLAT", "ELON", "ELAT"}:
        return _by_astropy(header, ra, dec)
    return None


def _is_plain(header: Header) -> bool:
    return (
        header.number("LONPOLE") in (None, 180.0)
        and header.get("CUNIT1") in (None, "deg")
        and all(header.get(keyword) is None for keyword in _DISTORTIONS)
    )


def _gnomonic(header: Header, ra: float, dec: float) -> tuple[float, float] | None:
    reference = [header.number(keyword) for keyword in ("CRPIX1", "CRPIX2", "CRVAL1", "CRVAL2")]
    matrix = _matrix(header)
    if matrix is None or any(value is None for value in reference):
        return None
    x0, y0, ra0, dec0 = (value for value in reference if value is not None)
    a, b, c, d = matrix
    determinant = a * d - b * c
    if determinant == 0 or not math.isfinite(determinant):
        return None
    delta = math.radians(ra - ra0)
    sin0, cos0 = math.sin(math.radians(dec0)), math.cos(math.radians(dec0))
    sine, cosine = math.sin(math.radians(dec)), math.cos(math.radians(dec))
    height = sin0 * sine + cos0 * cosine * math.cos(delta)  # of the position over the tangent plane
    if height <= 0:
        return math.inf, math.inf
    xi = math.degrees(cosine * math.sin(delta) / height)
    eta = math.degrees((cos0 * sine - sin0 * cosine * math.cos(delta)) / height)
    return x0 - 1 + (d * xi - b * eta) / determinant, y0 - 1 + (a * eta - c * xi) / determinant


def _matrix(header: Header) -> tuple[float, float, float, float] | None:
    """Return the matrix from pixels to degrees, or None where it is incomplete."""
    cd, pc = ([header.number(keyword) for keyword in keywords] for keywords in _MATRICES)
    if any(value is not None for value in cd):
        a, b, c, d = (0.0 if value is None else value for value in cd)
        return a, b, c, d
    steps = header.number("CDELT1"), header.number("CDELT2")
    if steps[0] is None or steps[1] is None:
        return None
    a, b, c, d = (
        default if value is None else value for value, default in zip(pc, (1.0, 0.0, 0.0, 1.0), strict=True)
    )
    return steps[0] * a, steps[0] * b, steps[1] * c, steps[1] * d


def _by_astropy(header: Header, ra: float, dec: float) -> tuple[float, float] | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            system = WCS(fits.Header.fromstring(header.cards.decode("ascii"))).celestial
            from astropy.coordinates import SkyCoord  # a slow import that plain stamps do not need

            x, y = system.world_to_pixel(SkyCoord(ra, dec, unit="deg"))
    except Exception:  # A system that even astropy cannot make sense of says nothing about the object.
        return None
    return (float(x), float(y)) if math.isfinite(x) and math.isfinite(y) else None
