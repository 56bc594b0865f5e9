import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS
from field_survey import BANDS, header, pixels, write_field, write_image, write_table

from catalog.errors import CatalogError
from catalog.fields.frames import Frame, field_notices, open_frames
from catalog.fields.tables import read_fields
from preprocessing.fits.isolated import SHARED, AstropyCrashed

SHAPE = (60, 70)
SIP = {"A_ORDER": 2, "B_ORDER": 2, "A_2_0": 2e-4, "B_0_2": 2e-4, "A_0_2": 0.0, "B_2_0": 0.0}


def frames(tmp_path, rows) -> list[Frame]:
    return open_frames(list(read_fields(write_table(tmp_path / "fields.csv", rows), BANDS).values()), BANDS)


def with_last(tmp_path, cards: fits.Header | None, shape=SHAPE, first: fits.Header | None = None):
    """Return the frames of one field, whose last band has another header or shape."""
    rows = write_field(tmp_path, "F1", first or header(150, 2, SHAPE), SHAPE)
    write_image(tmp_path / rows[2]["path"], pixels(shape, 0), cards)
    return frames(tmp_path, rows)


def test_one_grid_in_other_words_is_one_grid(tmp_path):
    cards = header(150, 2, SHAPE)
    for key in ("CD1_1", "CD1_2", "CD2_1", "CD2_2"):
        del cards[key]
    cards["CDELT1"], cards["CDELT2"] = -0.55 / 3600, 0.55 / 3600
    assert with_last(tmp_path, cards)[0].unusable is None
    cards["CRPIX1"] += 0.05
    assert with_last(tmp_path, cards)[0].unusable is None
    # Another reference point: up to a hundredth of a pixel here, the pixels are the same.
    moved = header(150, 2, SHAPE)
    x, y = 130.0, -50.0
    moved["CRVAL1"], moved["CRVAL2"] = (float(value) for value in WCS(moved).all_pix2world(x, y, 1))
    moved["CRPIX1"], moved["CRPIX2"] = x, y
    assert with_last(tmp_path, moved)[0].unusable is None


@pytest.mark.parametrize(
    "cards",
    [
        header(150, 2, SHAPE, shift=0.2),
        header(150, 2, SHAPE, shift=1),
        header(150, 2, SHAPE, angle=0.5),
        header(330, -2, SHAPE),
        header(150, 2, SHAPE, CTYPE1="RA---TAN-SIP", CTYPE2="DEC--TAN-SIP", **SIP),
        header(150, 2, SHAPE, **SIP),  # the suffix is missing, and astropy applies the polynomial
    ],
    ids=["fifth of a pixel", "pixel", "turned", "elsewhere", "SIP", "SIP without suffix"],
)
def test_bands_on_two_grids_are_refused_by_name(tmp_path, cards):
    with pytest.raises(CatalogError, match=r"F1.*not on one pixel grid.*F1_I\.fits.*F1_G\.fits"):
        with_last(tmp_path, cards)


def test_bands_of_two_sizes_are_refused_by_name(tmp_path):
    with pytest.raises(CatalogError, match=r"F1_I\.fits has 70 x 60 pixels.*F1_G\.fits has 70 x 61 pixels"):
        with_last(tmp_path, header(150, 2, SHAPE), (61, 70))


def test_a_grid_that_cannot_be_checked_is_refused(tmp_path):
    with pytest.raises(CatalogError, match=r"F1_I\.fits has a coordinate system and .*F1_G\.fits has none"):
        with_last(tmp_path, None)
    with pytest.raises(CatalogError, match=r"astropy cannot read the coordinate system of .*F1_G\.fits"):
        with_last(tmp_path, header(150, 2, SHAPE, CTYPE1="RA---XYZ"))


def test_a_header_that_crashes_astropy_is_refused(tmp_path, monkeypatch):
    def crash(*_):
        raise AstropyCrashed("crashed on it, or ran out of memory")

    monkeypatch.setattr(SHARED, "compared", crash)
    with pytest.raises(CatalogError, match=r"F1_I\.fits: crashed"):
        with_last(tmp_path, header(150, 2, SHAPE))


def test_all_faults_are_counted(tmp_path):
    rows = []
    for name in ("F1", "F2", "F3"):
        rows += write_field(tmp_path, name, header(150, 2, SHAPE), SHAPE)
    for row in (rows[2], rows[8]):
        write_image(tmp_path / row["path"], pixels((61, 70), 0), None)
    with pytest.raises(CatalogError, match=r"field F1: .*\(1 more fields"):
        frames(tmp_path, rows)


def test_distorted_fields_share_a_grid(tmp_path):
    cards = header(150, 2, SHAPE, CTYPE1="RA---TAN-SIP", CTYPE2="DEC--TAN-SIP", **SIP)
    (frame,) = with_last(tmp_path, cards, first=cards)
    assert frame.unusable is None and frame.cards is not None


def test_the_circle_encloses_the_field_and_little_more(tmp_path):
    for ra, dec in [(0.001, 0), (150, 89.99), (20, -90)]:
        (frame,) = frames(tmp_path, write_field(tmp_path, "F1", header(ra, dec, SHAPE), SHAPE))
        half = np.hypot(*SHAPE) / 2 * np.radians(0.55 / 3600)
        assert half < frame.radius < 1.1 * half
        expected = np.radians([90 - dec])
        assert np.arccos(min(1.0, frame.centre[2])) == pytest.approx(expected, abs=1e-5)


def test_a_field_whose_files_fail_is_unusable_but_has_its_place(tmp_path):
    rows = write_field(tmp_path, "F1", header(150, 2, SHAPE), SHAPE)
    (tmp_path / rows[1]["path"]).write_text("no FITS file")
    (frame,) = frames(tmp_path, rows)
    assert frame.unusable is not None and frame.unusable.reason == "unreadable"
    assert frame.shape == SHAPE and frame.cards is not None
    assert "1 of 1 fields cannot be used (1 unreadable)" in field_notices([frame])[0]


def test_the_coordinate_system_of_the_image_counts_not_that_of_the_primary_header(tmp_path):
    rows = write_field(tmp_path, "F1", header(150, 2, SHAPE), SHAPE)
    for row in rows:
        with fits.open(tmp_path / row["path"], mode="update") as hdus:
            hdus[0].header.update(header(10, 40, (5, 5)))
    (frame,) = frames(tmp_path, rows)
    longitude = np.degrees(np.arctan2(frame.centre[1], frame.centre[0]))
    assert longitude == pytest.approx(150, abs=1e-3)
