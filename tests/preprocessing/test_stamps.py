import os
import socket

import numpy as np
import pytest
from astropy.io import fits

from preprocessing.stamps import StampError, read_image, read_plane, stamp_path


def reason_of(function, *args, **kwargs) -> str:
    with pytest.raises(StampError) as caught:
        function(*args, **kwargs)
    assert caught.value.message
    return caught.value.reason


def test_a_plane_is_cut_and_measured(write_stamp):
    image = np.zeros((40, 50), np.float32)
    image[10:30, 15:35] = np.random.default_rng(0).normal(5, 2, (20, 20))
    image[12, 17:22] = np.nan
    image[13, 17] = 1000
    plane = read_plane(write_stamp("a", "R", image, SATURATE=1000.0), side=20, max_blank=0.1)
    assert np.array_equal(plane.flux, image[10:30, 15:35], equal_nan=True)
    assert (plane.height, plane.width) == (40, 50)
    assert plane.blank == 5 / 400 and plane.saturated == 1 / 400
    assert plane.mean == pytest.approx(np.nanmean(image[10:30, 15:35]), rel=1e-6)
    assert plane.noise == pytest.approx(2, rel=0.15)


@pytest.mark.parametrize("dtype", ["u1", ">i2", ">i4", ">i8", ">f4", ">f8", "u2"])
def test_every_pixel_type_is_read_as_astropy_does(tmp_path, dtype):
    image = np.arange(100).reshape(10, 10).astype(dtype)
    fits.PrimaryHDU(image).writeto(tmp_path / "a.fits")
    read, _ = read_image(tmp_path / "a.fits")
    assert read.dtype == np.float32 and np.array_equal(read, fits.getdata(tmp_path / "a.fits").astype("f4"))


def test_blank_and_scaled_integers(tmp_path):
    hdu = fits.PrimaryHDU(np.array([[1, 2], [-99, 4]], ">i2"))
    hdu.header["BLANK"] = -99
    hdu.header["BSCALE"], hdu.header["BZERO"] = 0.5, 10.0
    hdu.writeto(tmp_path / "a.fits")
    read, _ = read_image(tmp_path / "a.fits")
    assert np.array_equal(read, np.array([[10.5, 11], [np.nan, 12]], "f4"), equal_nan=True)


def test_the_image_may_be_in_any_hdu_and_compressed(tmp_path):
    image = np.random.default_rng(0).normal(size=(32, 32)).astype("f4")
    hdus = fits.HDUList(
        [fits.PrimaryHDU(), fits.CompImageHDU(image, compression_type="GZIP_2", quantize_level=0)]
    )
    hdus.writeto(tmp_path / "a.fits.fz")
    assert np.array_equal(read_image(tmp_path / "a.fits.fz")[0], image)


def test_whatever_stands_under_a_fits_name_is_a_reject(tmp_path):
    (tmp_path / "text.fits").write_text("<html>404</html>")
    (tmp_path / "empty.fits").touch()
    (tmp_path / "folder.fits").mkdir()
    (tmp_path / "link.fits").symlink_to(tmp_path / "nowhere")
    with open(tmp_path / "sparse.fits", "wb") as sparse:
        sparse.truncate(4 * 2**30)
    os.mkfifo(tmp_path / "pipe.fits")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "socket.fits"))
    fits.PrimaryHDU(np.zeros((3, 20, 20))).writeto(tmp_path / "cube.fits")
    fits.PrimaryHDU(np.ones((200, 200))).writeto(tmp_path / "whole.fits")
    (tmp_path / "short.fits").write_bytes((tmp_path / "whole.fits").read_bytes()[:20_000])
    reasons = {
        "text": "unreadable",
        "empty": "unreadable",
        "folder": "not_a_file",
        "link": "missing_file",
        "sparse": "too_large",
        "pipe": "not_a_file",
        "socket": "not_a_file",
        "cube": "no_image",
        "short": "unreadable",
        "absent": "missing_file",
    }
    assert {name: reason_of(read_image, tmp_path / f"{name}.fits") for name in reasons} == reasons


def test_planes_that_are_no_use(write_stamp):
    blank = np.ones((10, 10), "f4")
    blank[:5] = np.nan
    assert reason_of(read_plane, write_stamp("a", "R", blank), side=10, max_blank=0.4) == "too_blank"
    assert (
        reason_of(read_plane, write_stamp("b", "R", np.full((9, 9), 7.0)), side=9, max_blank=0.4)
        == "constant"
    )
    noise = np.random.default_rng(0).normal(size=(9, 12))
    assert reason_of(read_plane, write_stamp("c", "R", noise), side=10, max_blank=0.4) == "too_small"
    everything = np.full((10, 10), np.nan, "f4")
    assert reason_of(read_plane, write_stamp("d", "R", everything), side=10, max_blank=0.9) == "too_blank"


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "..", ".", "", "a/b", "a\0b", "a\\b"])
def test_names_cannot_leave_the_folder(name):
    assert reason_of(stamp_path, "stamps/{name}_{band}.fits", name, "R") == "bad_name"


def test_other_braces_in_names_and_templates_stay():
    assert str(stamp_path("s/{x}/{band}/{name}.fits", "a{band}$(rm)", "R")) == "s/{x}/R/a{band}$(rm).fits"


def test_real_awkward_files_end_as_image_or_reject(real_data):
    outcomes = {}
    for path in sorted((real_data / "fits-corpus").iterdir()):
        try:
            outcomes[path.name] = read_image(path)[0].shape
        except StampError as error:
            outcomes[path.name] = error.reason
    assert outcomes["decals_truncated.fits"] == "no_image"  # it is a cube, too
    assert outcomes["decals_cube_3band.fits"] == "no_image"
    assert outcomes["hsc_image_in_ext1_nonsquare_G.fits"] == (512, 535)
    assert outcomes["sdss_zero_length_axis_r.fits"] == "no_image"
    assert outcomes["ngc6976_g_wrong_filter_keyword.fits.bz2"] in {(682, 496), (496, 682)}
