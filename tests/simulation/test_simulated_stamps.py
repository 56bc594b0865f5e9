"""FITS files of the simulation: validity and coordinates."""

import warnings

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS

from simulation.fields import FIELDS, PIXEL_SCALE, observe_field
from simulation.objects import draw_object, render_object
from simulation.stamps import encode_fits, stamp_header, write_stamp


@pytest.fixture(scope="module")
def plane() -> np.ndarray:
    """Return an image that is not square and not symmetric."""
    return np.random.default_rng(0).normal(size=(40, 50)).astype(np.float32)


@pytest.mark.parametrize("band", ["F378", "R"])
def test_astropy_reads_what_was_written(tmp_path, plane, band):
    field = observe_field(0, 170)
    header = stamp_header("SPLUS.STRIPE82-0170.14966.griz", field, band, (100, 200))
    write_stamp(tmp_path / "a.fits", plane, header)
    assert (tmp_path / "a.fits").stat().st_size % 2880 == 0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with fits.open(tmp_path / "a.fits") as hdus:
            hdus.verify("exception")
            assert len(hdus) == 1
            np.testing.assert_array_equal(hdus[0].data, plane)
            read = hdus[0].header
    assert read["BITPIX"] == -32
    assert read["OBJECT"] == "SPLUS.STRIPE82-0170.14966.griz"
    assert (read["FILTER"], read["TELESCOP"], read["PIXSCALE"]) == (band, "T80", PIXEL_SCALE)
    assert read["OAJ PRO FWHMMEAN"] == field.seeing[band]
    assert read["SATURATE"] == field.saturation[band]
    for keyword, value, comment in header:
        assert read[keyword] == value
        assert read.comments[keyword] == comment


def test_cards_fit_into_80_characters(plane):
    for number in (1, 36, FIELDS):
        field = observe_field(0, number)
        content = encode_fits(
            plane, stamp_header(f"SPLUS.{field.name}.1014966.griz", field, "F660", (8999, 1))
        )
        header = fits.Header.fromstring(content[:5760])
        assert header["CRVAL1"] == field.ra
        assert header.comments["OAJ PRO FWHMMEAN"] == "FWHM arcsec mean"


@pytest.mark.parametrize("index", range(12))
def test_coordinates_of_the_stamp_are_those_of_the_galaxy(index):
    target = draw_object(9, index)
    size = (64, 65)[index % 2]
    field = observe_field(9, target.field_number)
    planes, corner = render_object(target, 9, ["R"], size)
    content = encode_fits(planes[0], stamp_header(target.name, field, "R", corner))
    wcs = WCS(fits.Header.fromstring(content[:5760]))
    x, y = (float(value) for value in wcs.all_world2pix(target.ra, target.dec, 0))
    assert x == pytest.approx(target.x - corner[0], abs=2e-3)
    assert y == pytest.approx(target.y - corner[1], abs=2e-3)
    # Stamps are cut at whole pixels: the centre is the galaxy to half a pixel.
    centre = (size - 1) / 2
    assert max(abs(x - centre), abs(y - centre)) <= 0.501
    ra, dec = (float(value) for value in wcs.all_pix2world(centre, centre, 0))
    half_pixel = 0.501 * PIXEL_SCALE / 3600
    assert abs(ra - target.ra) * np.cos(np.radians(dec)) < half_pixel
    assert abs(dec - target.dec) < half_pixel
    # North is up and east to the left.
    assert float(wcs.all_pix2world(centre, centre + 10, 0)[1]) > dec
    assert (float(wcs.all_pix2world(centre + 10, centre, 0)[0]) - ra + 180) % 360 - 180 < 0


def test_galaxies_are_drawn_where_the_coordinates_say():
    differences = []
    for index in range(40):
        target = draw_object(9, index)
        if target.galaxy.kind != "elliptical":
            continue
        planes, corner = render_object(target, 9, ["R"], 64)
        y, x = np.indices(planes[0].shape)
        near = np.hypot(x - 31.5, y - 31.5) < 5
        weight = np.where(near, planes[0] - planes[0][near].min(), 0).astype(float)
        differences.append(
            [
                (weight * x).sum() / weight.sum() - (target.x - corner[0]),
                (weight * y).sum() / weight.sum() - (target.y - corner[1]),
            ]
        )
    assert len(differences) > 8
    assert np.abs(np.median(differences, axis=0)).max() < 0.15
