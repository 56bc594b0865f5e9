import warnings

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.wcs import WCS
from hypothesis import given, settings
from hypothesis import strategies as st

from preprocessing.fits.header import Header
from preprocessing.sky_position import pixel_of

ANGLES = st.floats(0, 360, exclude_max=True)
DECLINATIONS = st.floats(-89.9, 89.9)
OFFSETS = st.floats(-0.02, 0.02)


def scanned(cards: fits.Header) -> Header:
    return Header(cards.tostring(endcard=False, padding=False).encode())


def expected(cards: fits.Header, ra: float, dec: float) -> np.ndarray:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return np.array(WCS(cards).world_to_pixel(SkyCoord(ra, dec, unit="deg")))


def tangent(ra: float, dec: float, angle: float, scale: float, spelling: str) -> fits.Header:
    sine, cosine = np.sin(np.radians(angle)), np.cos(np.radians(angle))
    matrix = np.array([[-cosine, sine], [sine, cosine]])
    cards = fits.Header({"NAXIS": 2, "CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN"})
    cards["CRPIX1"], cards["CRPIX2"], cards["CRVAL1"], cards["CRVAL2"] = 101.5, 98.0, ra, dec
    if spelling == "PC":
        cards["CDELT1"] = cards["CDELT2"] = scale
    for row in (0, 1):
        for column in (0, 1):
            value = matrix[row, column] * (scale if spelling == "CD" else 1)
            cards[f"{spelling}{row + 1}_{column + 1}"] = value
    return cards


@settings(deadline=None, max_examples=60)
@given(
    ANGLES,
    DECLINATIONS,
    ANGLES,
    st.sampled_from(["CD", "PC"]),
    st.floats(-0.02, 0.02),
    st.floats(-0.02, 0.02),
)
def test_plain_projections_are_those_of_astropy(ra, dec, angle, spelling, east, north):
    cards = tangent(ra, dec, angle, 0.55 / 3600, spelling)
    place = SkyCoord(ra, dec, unit="deg").spherical_offsets_by(east * u.deg, north * u.deg)
    found = pixel_of(scanned(cards), place.ra.deg, place.dec.deg)
    assert found == pytest.approx(expected(cards, place.ra.deg, place.dec.deg), abs=1e-5)


def test_other_projections_are_left_to_astropy():
    cards = tangent(150, 2, 10, 0.55 / 3600, "CD")
    cards["CTYPE1"], cards["CTYPE2"] = "RA---SIN", "DEC--SIN"
    assert pixel_of(scanned(cards), 150.01, 2.01) == pytest.approx(expected(cards, 150.01, 2.01))
    cards["CTYPE1"], cards["CTYPE2"] = "GLON-TAN", "GLAT-TAN"
    cards["CRVAL1"], cards["CRVAL2"] = 236.8, 42.1
    assert pixel_of(scanned(cards), 150.01, 2.01) == pytest.approx(expected(cards, 150.01, 2.01))


def test_headers_without_a_coordinate_system():
    assert pixel_of(Header(b""), 10, 10) is None
    assert pixel_of(scanned(fits.Header({"CTYPE1": "WAVE", "CTYPE2": "OFFSET"})), 10, 10) is None
    assert pixel_of(scanned(fits.Header({"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN"})), 10, 10) is None
    singular = tangent(150, 2, 10, 1e-4, "CD")
    singular["CD2_1"], singular["CD2_2"] = singular["CD1_1"], singular["CD1_2"]
    assert pixel_of(scanned(singular), 150, 2) is None
    assert pixel_of(scanned(tangent(150, 2, 0, 1e-4, "CD")), 330, -2) == (np.inf, np.inf)


def test_a_real_header(real_data):
    path = real_data / "kids-stamps" / "G_stamps" / "NGC6975_G.fits"
    cards = fits.getheader(path)
    found = pixel_of(scanned(cards), 313.2, -5.7)
    assert found == pytest.approx(expected(cards, 313.2, -5.7), abs=1e-4)


def test_a_header_that_crashes_astropy_does_not_end_this_process():
    crashing = {"CTYPE1": "'RA---TSC'", "CTYPE2": "'DEC--QSC'", "CRPIX2": "32.5", "CRVAL2": "2.0"}
    crashing |= {"CD1_1": "-1e-4", "CD2_2": "1e-4", "CDELT2": "-90", "CTYPE3": "'2000-01-01'", "VELREF": "99"}
    text = "".join(f"{keyword:<8}= {value:>20}".ljust(80) for keyword, value in crashing.items())
    assert pixel_of(Header(text.encode()), 150.01, 2.01) is None
    cards = tangent(150, 2, 10, 0.55 / 3600, "CD")
    cards["CTYPE1"], cards["CTYPE2"] = "RA---SIN", "DEC--SIN"
    assert pixel_of(scanned(cards), 150.01, 2.01) == pytest.approx(expected(cards, 150.01, 2.01))
