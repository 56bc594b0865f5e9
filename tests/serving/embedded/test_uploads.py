import gzip
import io
import json

import numpy as np
import pytest
from astropy.io import fits
from served import fits_bytes, galaxies

from preprocessing.settings import ImageSettings
from serving.embedded.page.uploads import Refused, Upload, band_in_name, read_named, read_uploads
from serving.published import PublishedModel

IMAGE = ImageSettings(cut=40, size=32)
FLUX = galaxies(1, side=60)[0]


def model(**entries):
    description = {"image": json.loads(IMAGE.model_dump_json()), "bands": list(IMAGE.bands), **entries}
    return PublishedModel(path=None, version="1", description=description)


def uploads(*names, planes=FLUX, **cards):
    return [Upload(name, fits_bytes(planes[..., place], **cards)) for place, name in enumerate(names)]


@pytest.mark.parametrize(
    ("file", "band"),
    [
        ("NGC_1234_I.fits", "I"),
        ("galaxy.r.fits.fz", "R"),
        ("G_band-Q1_G.fits", "G"),
        ("Z_stamp.fits", ""),
        ("imagI.fits", ""),
        ("I_of_R.fits", "R"),
    ],
)
def test_a_band_is_a_word_of_the_file_name(file, band):
    assert band_in_name(file, ("I", "R", "G")) == band


def test_files_become_the_flux_of_the_cut():
    given = uploads("a_I.fits", "a_R.fits", "a_G.fits")
    galaxy = read_uploads(given, model())
    np.testing.assert_array_equal(galaxy.flux[0], FLUX[10:50, 10:50])
    assert [(each.band, each.found_in) for each in given] == [(b, "file name") for b in "IRG"]


def test_the_order_of_files_does_not_matter():
    given = uploads("a_I.fits", "a_R.fits", "a_G.fits")
    galaxy = read_uploads([given[2], given[0], given[1]], model())
    np.testing.assert_array_equal(galaxy.flux[0], FLUX[10:50, 10:50])


def test_the_choice_counts_then_the_name_then_the_header():
    given = uploads("one.fits", "two_R.fits", "three_I.fits", FILTER="I")
    given[2].band = "G"
    assert read_uploads(given, model()) is not None
    assert [(each.band, each.found_in) for each in given] == [
        ("I", "header"),
        ("R", "file name"),
        ("G", "choice"),
    ]


def test_a_header_that_contradicts_is_a_warning_that_names_the_users_file():
    galaxy = read_uploads(uploads("a_I.fits", "a_R.fits", "a_G.fits", FILTER="I"), model())
    assert [warning.split(":")[0] for warning in galaxy.warnings] == ["a_R.fits", "a_G.fits"]


def compressed(image):
    stream = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), fits.CompImageHDU(image, compression_type="GZIP_1")]).writeto(stream)
    return stream.getvalue()


def test_compressed_files_are_read():
    given = uploads("a_I.fits", "a_R.fits.gz", "a_G.fits.fz")
    given[1].content = gzip.compress(given[1].content)
    given[2].content = compressed(FLUX[..., 2])
    galaxy = read_uploads(given, model())
    np.testing.assert_allclose(galaxy.flux[0], FLUX[10:50, 10:50], rtol=1e-5, atol=1e-4)


def test_flux_is_scaled_as_in_training():
    flux = {
        "background": "none",
        "zero_points": "header",
        "reference_zero_point": 22.5,
        "flux_factors": {"R": 2.0},
    }
    given = uploads("a_I.fits", "a_R.fits", "a_G.fits", MAGZERO=25.0)
    galaxy = read_uploads(given, model(flux=flux))
    np.testing.assert_allclose(galaxy.flux[0], FLUX[10:50, 10:50] * [0.1, 0.2, 0.1], rtol=1e-5)


def test_each_bad_file_is_named_with_its_reason():
    given = uploads("a_I.fits", "a_R.fits", "what.fits")
    given[1].content = b"GIF89a"
    assert read_uploads(given, model()) is None
    assert [bool(each.problem) for each in given] == [False, True, True]
    assert "not readable as FITS" in given[1].problem and "choose one of I, R, G" in given[2].problem


def test_a_stamp_that_the_ingest_would_reject_is_refused():
    planes = FLUX.copy()
    planes[:, :, 1] = np.nan
    given = uploads("a_I.fits", "a_R.fits", "a_G.fits", planes=planes)
    assert read_uploads(given, model(limits={"max_blank": 0.2, "max_saturated": 1.0})) is None
    assert "pixels are blank" in given[1].problem and not given[0].problem
    small = uploads("a_I.fits", "a_R.fits", "a_G.fits", planes=FLUX[:30, :30])
    assert read_uploads(small, model()) is None
    assert "30 x 30 pixels, the cut needs 40 x 40" in small[0].problem


@pytest.mark.parametrize(
    ("names", "says"),
    [
        (["a_I.fits", "a_R.fits"], "band G is missing"),
        (["a_I.fits", "b_I.fits", "a_G.fits"], "2 files are of band I: a_I.fits, b_I.fits"),
    ],
)
def test_one_file_for_each_band_is_needed(names, says):
    with pytest.raises(Refused, match=says):
        read_uploads(uploads(*names), model())


def test_cubes_are_refused():
    with pytest.raises(Refused, match="cubes"):
        read_uploads(uploads("a_I.fits", "a_R.fits", "a_G.fits"), model(limits={"cubes": True}))


def test_names_of_the_survey_are_read_and_lead_nowhere_else(tmp_path):
    for place, band in enumerate("IRG"):
        (tmp_path / f"ngc_{band}.fits").write_bytes(fits_bytes(FLUX[..., place]))
    template = str(tmp_path / "{name}_{band}.fits")
    np.testing.assert_array_equal(read_named(" ngc ", template, model()).flux[0], FLUX[10:50, 10:50])
    for name, says in (("other", "other_I.fits"), ("../ngc", "cannot be part of a file name")):
        with pytest.raises(Refused, match=says):
            read_named(name, template, model())
