import gzip
import io
import warnings

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from preprocessing.fits.files import StampError, read_bytes
from preprocessing.fits.image import read_scanned, read_with_astropy
from preprocessing.fits.reading import read_image

TYPES = ["u1", "i1", ">i2", ">i4", ">i8", ">f4", ">f8", "u2", "u4"]


def file_of(*hdus) -> bytes:
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fits.HDUList(list(hdus)).writeto(file, output_verify="ignore")
    return file.getvalue()


def with_cards(content: bytes, **cards: float | None) -> bytes:
    """Add cards to the primary header, which has room for them."""
    extra = "".join(f"{fits.Card(k, v).image:<80}" for k, v in cards.items() if v is not None).encode()
    end = content.index(b"END" + b" " * 77)
    return content[:end] + extra + content[end : 2880 - len(extra)] + content[2880:]


def by_astropy(content: bytes, extension: int = 0) -> np.ndarray:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return fits.getdata(io.BytesIO(content), extension).astype(np.float32)


def assert_same(image: np.ndarray, other: np.ndarray) -> None:
    assert image.dtype == np.float32 and image.shape == other.shape
    assert np.array_equal(image, other, equal_nan=True)


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("packed", [False, True])
def test_every_pixel_type_is_read_as_astropy_does(tmp_path, dtype, packed):
    random = np.random.default_rng(0)
    image = random.normal(scale=100, size=(17, 23)) if "f" in dtype else random.integers(0, 100, (17, 23))
    content = file_of(fits.PrimaryHDU(image.astype(dtype)))
    path = tmp_path / "a.fits"
    path.write_bytes(gzip.compress(content) if packed else content)
    assert_same(read_image(path)[0], by_astropy(content))
    assert_same(read_scanned(content, 1, path)[0], by_astropy(content))


@settings(max_examples=150, deadline=None)
@given(
    dtype=st.sampled_from(["u1", ">i2", ">i4", ">i8", ">f4", ">f8"]),
    data=st.data(),
    scale=st.sampled_from([None, 1.0, 2.0, 0.1, -3.5e-12, 1e30]),
    zero=st.sampled_from([None, 0.0, 10.5, 128.0, -128.0, 32768.0, 2.0**31]),
    blank=st.sampled_from([None, 0, 3, 255, -99]),
)
def test_scaling_is_that_of_astropy_and_blanks_those_of_the_standard(dtype, data, scale, zero, blank):
    elements = st.floats(width=32, allow_subnormal=False) if "f" in dtype else st.integers(0, 127)
    assume(not (dtype == "u1" and zero == -128.0 and scale in (None, 1.0)))  # astropy 8 raises
    stored = data.draw(arrays.arrays(dtype, (3, 4), elements=elements))
    hdu = fits.PrimaryHDU(stored)
    content = file_of(hdu)
    content = with_cards(content, BSCALE=scale, BZERO=zero, BLANK=blank)
    with np.errstate(all="ignore"):
        expected = by_astropy(content)
    if blank is not None and "f" not in dtype:  # FITS 4.0, 4.4.2.5: unsigned integers and 0 included
        expected[stored == blank] = np.nan
    for read in (read_scanned, read_with_astropy):
        assert_same(read(content, 1, "a")[0], expected)


@pytest.mark.parametrize(("dtype", "zero"), [(">i2", 2**15), (">i4", 2**31), (">i2", 0), ("u1", 0)])
@pytest.mark.parametrize("compressed", [False, True])
def test_blanks_of_unsigned_and_of_compressed_integers(tmp_path, dtype, zero, compressed):
    stored = np.random.default_rng(0).integers(1, 120, (12, 15)).astype(dtype)
    blank = 99
    stored[3, 4:7] = blank
    content = with_cards(file_of(fits.PrimaryHDU(stored)), BZERO=float(zero), BLANK=blank)
    if compressed:
        hdu = fits.open(io.BytesIO(content), do_not_scale_image_data=True)[0]
        compressed_hdu = fits.CompImageHDU(hdu.data, hdu.header)
        compressed_hdu.header["BZERO"], compressed_hdu.header["BLANK"] = zero, blank
        content = file_of(fits.PrimaryHDU(), compressed_hdu)
        with fits.open(io.BytesIO(content), disable_image_compression=True) as hdus:
            assert hdus[1].header["BLANK"] == blank
    (tmp_path / "a.fits").write_bytes(content)
    found = read_image(tmp_path / "a.fits")[0]
    expected = stored.astype("f4") + np.float32(zero)
    assert_same(found, np.where(stored == blank, np.float32(np.nan), expected))


def test_blank_and_scaled_integers_by_hand(tmp_path):
    hdu = fits.PrimaryHDU(np.array([[1, 2], [-99, 4]], ">i2"))
    hdu.header["BLANK"] = -99
    hdu.header["BSCALE"], hdu.header["BZERO"] = 0.5, 10.0
    hdu.writeto(tmp_path / "a.fits")
    read, _ = read_image(tmp_path / "a.fits")
    assert np.array_equal(read, np.array([[10.5, 11], [np.nan, 12]], "f4"), equal_nan=True)


def test_nan_and_infinite_pixels_stay(tmp_path):
    image = np.array([[1, np.nan], [np.inf, -np.inf]], "f4")
    assert_same(read_scanned(file_of(fits.PrimaryHDU(image)), 1, "a")[0], image)


def image(seed: int = 0, shape: tuple[int, ...] = (12, 15)) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype("f4")


@pytest.mark.parametrize("read", [read_scanned, read_with_astropy])
def test_the_first_image_that_varies_is_taken(read):
    zeros = np.zeros((12, 15), "f4")
    table = fits.BinTableHDU.from_columns([fits.Column("a", "E", array=np.arange(3.0))])
    cases = {
        "extension": [fits.PrimaryHDU(), fits.ImageHDU(image())],
        "zero primary": [fits.PrimaryHDU(zeros), fits.ImageHDU(image()), fits.ImageHDU(image(1))],
        "NaN primary": [fits.PrimaryHDU(zeros * np.nan), fits.ImageHDU(image())],
        "behind a table": [fits.PrimaryHDU(), table, fits.ImageHDU(image())],
        "behind a cube": [fits.PrimaryHDU(image(2, (3, 12, 15))), fits.ImageHDU(image())],
        "behind a spectrum": [fits.PrimaryHDU(image(2, (12,))), fits.ImageHDU(image())],
        "axes of length one": [fits.PrimaryHDU(image()[None, None])],
    }
    for name, hdus in cases.items():
        assert_same(read(file_of(*hdus), 1, name)[0], image())
    assert_same(read(file_of(fits.PrimaryHDU(zeros), fits.ImageHDU(zeros + 1)), 1, "none varies")[0], zeros)


@pytest.mark.parametrize("read", [read_scanned, read_with_astropy])
def test_headers_come_with_the_primary_behind(read):
    primary = fits.PrimaryHDU()
    primary.header["FILTER"], primary.header["SATURATE"] = "R", 10.0
    extension = fits.ImageHDU(image())
    extension.header["SATURATE"] = 20.0
    header = read(file_of(primary, extension), 1, "a")[1]
    assert header.get("FILTER") == "R" and header.number("SATURATE") == 20.0


@pytest.mark.parametrize("read", [read_scanned, read_with_astropy])
def test_cubes(read):
    cube = image(0, (5, 12, 15))
    content = file_of(fits.PrimaryHDU(), fits.ImageHDU(image(1)), fits.ImageHDU(cube))
    assert_same(read(content, 5, "a")[0], cube)
    for planes, message in ((3, "15 x 12 where a cube of 3 planes"), (4, "a cube of 4 planes")):
        with pytest.raises(StampError, match=message) as caught:
            read(content, planes, "a")
        assert caught.value.reason == "wrong_planes"
    with pytest.raises(StampError, match=r"15 x 12 x 5 where a two-dimensional image"):
        read(file_of(fits.PrimaryHDU(cube)), 1, "a")


def test_what_is_unusual_goes_to_astropy(tmp_path):
    header = fits.Header({"SIMPLE": True, "BITPIX": 16, "NAXIS": 2, "NAXIS1": 4, "NAXIS2": 3})
    text = header.tostring().replace("NAXIS1  =                    4", "NAXIS1  =                  4.0")
    (tmp_path / "a.fits").write_bytes(text.encode() + np.arange(12, dtype=">i2").tobytes().ljust(2880, b"\0"))
    expected = by_astropy(file_of(fits.PrimaryHDU(image())))
    content = file_of(fits.PrimaryHDU(image())).replace(b"EXTEND", b"EX\x01END")
    (tmp_path / "b.fits").write_bytes(content)
    with pytest.raises(StampError, match="not readable as FITS"):
        read_image(tmp_path / "a.fits")
    assert_same(read_image(tmp_path / "b.fits")[0], expected)


def test_the_advice_of_astropy_to_programmers_is_left_out(tmp_path):
    (tmp_path / "a.fits").write_bytes(b"<html><body>404 Not Found</body></html>")
    with pytest.raises(StampError, match=r"No SIMPLE card found") as raised:
        read_image(tmp_path / "a.fits")
    assert "ignore_missing_simple" not in raised.value.message


def test_real_awkward_files_end_as_image_or_reject(real_data):
    outcomes = {}
    for path in sorted((real_data / "fits-corpus").iterdir()):
        try:
            found = read_image(path)[0]
            assert_same(found, read_with_astropy(read_bytes(path), 1, path)[0])
            outcomes[path.name] = found.shape
        except StampError as error:
            outcomes[path.name] = error.reason
    assert outcomes == {
        "decals_cube_3band.fits": "wrong_planes",
        "decals_truncated.fits": "wrong_planes",  # it is a cube, too
        "gama_kids_nonsquare_r.fits": (311, 151),
        "gama_sdss_maggies_r.fits": (101, 101),
        "gzip_compressed.fits.fz": (10, 10),
        "hsc_image_in_ext1_nonsquare_G.fits": (512, 535),
        "ngc6976_g_wrong_filter_keyword.fits.bz2": (496, 682),
        "ngc6976_i_wrong_filter_keyword.fits.bz2": (496, 682),
        "ngc6976_r_wrong_filter_keyword.fits.bz2": (496, 682),
        "rice_dithered.fits.fz": (100, 100),
        "sdss_uint16_bzero_pedestal_r.fits": (141, 141),
        "sdss_zero_length_axis_r.fits": "no_image",
        "sparcfire_primary_zeros_image_in_ext1.fits": (109, 109),
    }
    assert read_image(real_data / "fits-corpus" / "decals_cube_3band.fits", 3)[0].shape == (3, 225, 225)
    with pytest.raises(StampError) as caught:
        read_image(real_data / "fits-corpus" / "decals_truncated.fits", 3)
    assert caught.value.reason == "unreadable"
