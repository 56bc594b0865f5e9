"""FITS files decoded in the graph, compared with the reader of the ingest."""

import math
import os

import numpy as np
import pytest
import tensorflow as tf
from astropy.io import fits
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from read_in_graph import GOOD, READ, SIDE, content_of, in_graph, ingested, refusal, stamp
from stamp_images import galaxy

from preprocessing.fits.files import StampError


@settings(deadline=None, max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from(["u1", ">i2", ">i4", ">i8", ">f4", ">f8"]),
    st.tuples(st.integers(SIDE, 40), st.integers(SIDE, 40)),
    st.sampled_from([None, (2.0, 0.0), (0.1, -7.5), (1.0, 0.0), (1.0, "unsigned"), (1e-3, 1e4)]),
    st.sampled_from([None, 0, 3, -32768]),
    st.sampled_from(["primary", "extension", "behind a table", "degenerate axis", "behind zeros"]),
    st.integers(0, 30),
)
def test_every_kind_of_pixels(tmp_path, kind, shape, scaling, blank, place, seed):
    random = np.random.default_rng(seed)
    image = 30 + 40 * random.normal(size=shape)
    image = np.clip(np.round(image), 0, 255) if kind == "u1" else image
    image = image.astype(kind)
    bits = 8 * image.itemsize
    hdu = fits.PrimaryHDU(image) if place in ("primary", "degenerate axis") else fits.ImageHDU(image)
    if place == "degenerate axis":
        hdu = fits.PrimaryHDU(image[None])
    cards = []
    if scaling:
        zero = {8: -128, 16: 2**15, 32: 2**31, 64: 0}[bits] if scaling[1] == "unsigned" else scaling[1]
        cards += [f"BSCALE  = {scaling[0]:20}", f"BZERO   = {float(zero):20}"]
    if blank is not None and not kind.startswith(">f"):
        cards += [f"BLANK   = {blank:20}"]
    before = {
        "extension": [fits.PrimaryHDU()],
        "behind a table": [
            fits.PrimaryHDU(),
            fits.BinTableHDU.from_columns([fits.Column("a", "J", array=np.arange(999))]),
        ],
        "behind zeros": [fits.PrimaryHDU(np.zeros((9, 9), ">f4"))],
    }.get(place, [])
    content = content_of(*before, hdu)
    # Cards are written by hand, because astropy would scale the pixels.
    header = b"".join(card.ljust(80).encode() for card in cards)
    offset = len(content_of(*before)) if before else 0
    end = content.index(b"END".ljust(80), offset)
    padded = content[offset:end] + header + b"END".ljust(80)
    start = offset + math.ceil((end + 80 - offset) / 2880) * 2880
    content = content[:offset] + padded.ljust(math.ceil(len(padded) / 2880) * 2880) + content[start:]
    expected = ingested(tmp_path, content)
    assert isinstance(expected, np.ndarray) or expected.reason == "too_blank", expected
    if isinstance(expected, StampError):
        assert "% of the pixels are blank, limit 20.0%" in refusal(READ, content)
        return
    answer = READ(tf.constant([[GOOD, content, content]])).numpy()
    assert np.array_equal(answer[1, 0], expected, equal_nan=True)
    alone = READ(tf.constant([[content] * 3] * 2)).numpy()
    assert np.array_equal(alone[2, 1], expected, equal_nan=True)


@pytest.mark.parametrize(
    "rules",
    [
        {"background": "sigma_clip"},
        {"background": "sigma_clip", "zero_points": "header", "max_blank": 0.6},
        {"zero_points": {"I": 25.0, "R": 25.0, "G": 25.0}, "flux_factors": {"I": 2.5}},
        {"flux_factors": {"I": 0.3, "R": 0.3, "G": 0.3}, "max_saturated": 1.0},
    ],
)
def test_flux_is_that_of_the_ingest(tmp_path, rules):
    read = in_graph(**rules)
    for seed in range(20):
        image = galaxy(seed, 30 + seed, 50.0 * seed, 1.0 + seed)
        if seed % 3 == 0:
            image[:, : 2 + seed // 4] = 0.0
        header = {"MAGZERO": 20.0 + 0.3 * seed, "SATURATE": 60000}
        content = content_of(fits.PrimaryHDU(image, fits.Header(header)))
        expected = ingested(tmp_path, content, **rules)
        assert isinstance(expected, np.ndarray)
        answer = read(tf.constant([[content] * 3])).numpy()[0, 0]
        np.testing.assert_allclose(answer, expected, rtol=2e-6, atol=1e-6 * np.nanmax(np.abs(expected)))


@pytest.mark.parametrize("value", [1e9, -1e9, 1e13, -1e13, 1e17, 1e25, 3e38, -3e38])
def test_a_stray_pixel_of_any_size_does_not_move_the_sky(tmp_path, value):
    image = galaxy(3, 30, 500.0, 2.0)
    whole = content_of(fits.PrimaryHDU(image))
    image[0, 1], image[29, 29] = value, 700.0
    content = content_of(fits.PrimaryHDU(image))
    expected = ingested(tmp_path, content, background="sigma_clip")
    read = in_graph(background="sigma_clip")
    answer = read(tf.constant([[whole, content, content]])).numpy()[:, 0]
    np.testing.assert_allclose(answer[1], expected, atol=1e-4)
    np.testing.assert_allclose(answer[1], answer[0], atol=0.05)


@pytest.mark.parametrize(
    ("header", "factor"),
    [
        ({"MAGZERO": 25.0}, 0.1),
        ({"ZP": "25.0"}, 0.1),
        ({"MAGZERO": "unknown", "PHOTZP": 20.0}, 10.0),
        ({"MAGZERO": 0}, 10**9),
        ({"MAGZERO": -999.0}, "MAGZERO = -999.0 is not a zero point"),
        ({"MAGZERO": "NaN"}, "MAGZERO = NaN is not a zero point"),
        ({}, "no zero point in the header (none of MAGZERO"),
        ({"MAGZERO": "n/a"}, "no zero point in the header"),
    ],
)
def test_zero_points_of_headers(tmp_path, header, factor):
    read = in_graph(zero_points="header")
    content = stamp(**header)
    expected = ingested(tmp_path, content, zero_points="header")
    good = stamp(MAGZERO=22.5)
    if isinstance(factor, str):
        assert isinstance(expected, StampError) and expected.reason == "no_zero_point"
        with pytest.raises(tf.errors.InvalidArgumentError) as caught:
            read(tf.constant([[good, content, good]]))
        assert "object 0, band R: " in str(caught.value) and factor in str(caught.value)
        return
    answer = read(tf.constant([[good, content, good]])).numpy()[1, 0]
    np.testing.assert_allclose(answer, expected, rtol=1e-6)
    np.testing.assert_allclose(answer, galaxy(0, 30)[3:27, 3:27] * factor, rtol=1e-6)


@pytest.mark.parametrize("inherit", [None, True, False])
def test_a_zero_point_in_the_primary_header(tmp_path, inherit):
    primary, image = fits.PrimaryHDU(), fits.ImageHDU(galaxy(0, 30))
    primary.header["MAGZERO"] = 25.0
    if inherit is not None:
        image.header["INHERIT"] = inherit
    content = content_of(primary, image)
    expected = ingested(tmp_path, content, zero_points="header")
    read, good = in_graph(zero_points="header"), stamp(MAGZERO=22.5)
    assert isinstance(expected, StampError) == (inherit is False)
    if inherit is False:
        with pytest.raises(tf.errors.InvalidArgumentError, match="no zero point in the header"):
            read(tf.constant([[good, content, good]]))
    else:
        answer = read(tf.constant([[good, content, good]])).numpy()[1, 0]
        np.testing.assert_allclose(answer, expected, rtol=1e-6)


def changed(content: bytes, card: str, text: str) -> bytes:
    place = content.index(card.ljust(8).encode() + b"= ")
    return content[:place] + text.ljust(80).encode() + content[place + 80 :]


def compressed() -> bytes:
    return content_of(fits.PrimaryHDU(), fits.CompImageHDU(galaxy(0, 30), compression_type="RICE_1"))


BAD = {
    "nothing": (b"", "no bytes"),
    "text": (b"name,label\nx,1\n", "not a FITS file"),
    "html": (b"<html>404</html>" * 500, "not a FITS file"),
    "gzip": (b"\x1f\x8b" + GOOD, "a compressed file"),
    "bzip2": (b"BZh9" + GOOD, "a compressed file"),
    "header only": (GOOD[:2880], "announces 3600 bytes of data, but 0 follow"),
    "half a header": (GOOD[:240], "no END card"),
    "first card": (GOOD[:80], "no END card"),
    "cut short": (GOOD[:4000], "announces 3600 bytes of data, but 1120 follow"),
    "two gigabytes": (changed(GOOD, "NAXIS1", "NAXIS1  =           2147483647"), "bytes of data"),
    "overflow": (changed(GOOD, "NAXIS1", "NAXIS1  =   999999999999999999"), "bytes of data"),
    "negative": (changed(GOOD, "NAXIS1", "NAXIS1  =                  -30"), "missing or negative"),
    "no length": (changed(GOOD, "NAXIS1", "COMMENT"), "missing or negative"),
    "length in words": (changed(GOOD, "NAXIS1", "NAXIS1  = 'thirty  '"), "is no integer"),
    "real length": (changed(GOOD, "NAXIS1", "NAXIS1  =                 30.0"), "is no integer"),
    "many axes": (changed(GOOD, "NAXIS", "NAXIS   =                  999"), "NAXIS is 999"),
    "negative axes": (changed(GOOD, "NAXIS", "NAXIS   =                   -1"), "NAXIS is -1"),
    "no axes": (changed(GOOD, "NAXIS", "NAXIS   =                    0"), "no image in its first HDUs"),
    "strange pixels": (changed(GOOD, "BITPIX", "BITPIX  =                   12"), "BITPIX is 12"),
    "no FITS": (
        changed(GOOD, "SIMPLE", "SIMPLE  =                    F"),
        "no image in its first HDUs|no two-dim",
    ),
    "too small": (stamp(20), "20 x 20 pixels, the cut needs 24 x 24"),
    "row": (content_of(fits.PrimaryHDU(np.arange(900, dtype=">f4"))), "no two-dimensional"),
    "cube": (content_of(fits.PrimaryHDU(np.ones((3, 30, 30), ">f4"))), "no two-dimensional"),
    "table": (
        content_of(fits.PrimaryHDU(), fits.BinTableHDU.from_columns([fits.Column("a", "J", array=[1])])),
        "no two-dimensional",
    ),
    "compressed": (compressed(), "tile-compressed image.*classify_flux"),
    "constant": (content_of(fits.PrimaryHDU(np.full((30, 30), 7.5, ">f4"))), "every pixel is 7.5"),
    "zeros": (content_of(fits.PrimaryHDU(np.zeros((30, 30), ">i2"))), "every pixel is 0"),
    "NaN": (content_of(fits.PrimaryHDU(np.full((30, 30), np.nan, ">f4"))), "are blank, limit"),
    "scale in words": (changed(GOOD, "EXTRA", "BSCALE  = 'one     '"), "BSCALE = one is no number"),
    "lower case": (GOOD.replace(b"BITPIX  =", b"bitpix  =", 1), "not spelled as the standard asks"),
    "control characters": (
        GOOD.replace(b"EXTRA   =", b"EXT\x00A   =", 1),
        "not spelled as the standard asks",
    ),
    "hidden by HIERARCH": (stamp(COMMENT="HIERARCH BSCALE = 3"), None),
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_read_is_refused_with_position_and_reason(case):
    content, reason = BAD[case]
    if reason is None:
        assert np.isfinite(READ(tf.constant([[content] * 3])).numpy()).all()
        return
    with pytest.raises(tf.errors.InvalidArgumentError, match=reason):
        READ(tf.constant([[GOOD, content, GOOD]]))
    refusal(READ, content)


def test_the_first_reasons_of_many_are_given():
    with pytest.raises(tf.errors.InvalidArgumentError) as caught:
        READ(tf.constant([[b"x"] * 3] * 4))
    assert str(caught.value).count(", band ") == 5 and "; and 7 more up to object 3" in str(caught.value)


def test_objects_of_several_sizes_and_an_empty_batch():
    rows = [[stamp(side, side)] * 3 for side in (24, 31, 40, 55)]
    answer = READ(tf.constant(rows)).numpy()
    for flux, side in zip(answer[0], (24, 31, 40, 55), strict=True):
        top = (side - SIDE) // 2
        assert np.array_equal(flux, galaxy(side, side)[top : top + SIDE, top : top + SIDE])
    assert READ(tf.constant([], tf.string, shape=[0, 3])).shape == (3, 0, SIDE, SIDE)


def test_a_batch_of_many_parts():
    sides = (*[30] * 20, 31, 40, 24)  # parts of files that are alike, and of files that are not
    files = [[stamp(side, 3 * row + band) for band in range(3)] for row, side in enumerate(sides)]
    whole = READ(tf.constant(files)).numpy()
    for row, side in enumerate(sides):
        top = (side - SIDE) // 2
        expected = [galaxy(3 * row + band, side)[top : top + SIDE, top : top + SIDE] for band in range(3)]
        assert np.array_equal(whole[:, row], expected)
    blank = galaxy(0, 30)
    blank[5:25, 5:20] = np.nan
    files[13][2] = content_of(fits.PrimaryHDU(blank))
    files[21][0] = content_of(fits.PrimaryHDU(np.ones((30, 30), "f4")))
    with pytest.raises(tf.errors.InvalidArgumentError) as caught:
        READ(tf.constant(files))
    message = str(caught.value)
    assert "object 13, band G: " in message and "% of the pixels are blank" in message
    assert "object 21, band I: every pixel is 1" in message and message.count("object ") == 2


def test_a_header_of_many_blocks():
    header = fits.Header({f"KEY{number}": number for number in range(900)})
    content = content_of(fits.PrimaryHDU(galaxy(0, 30), header))
    answer = READ(tf.constant([[GOOD, content, GOOD]])).numpy()
    assert np.array_equal(answer[1], answer[0])


def test_a_model_trained_on_cubes_says_what_to_do():
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"trained on cubes.*classify_flux"):
        in_graph(cubes=True)(tf.constant([[GOOD] * 3]))


def test_damaged_files_are_refused_or_read_as_the_ingest_reads_them(tmp_path):
    random = np.random.default_rng(int(os.environ.get("FUZZ_SEED", "7")))
    kinds = [GOOD, stamp(30, MAGZERO=25.0, SATURATE=5e4, BLANK=3), compressed(), BAD["table"][0]]
    kinds.append(content_of(fits.PrimaryHDU(), fits.ImageHDU(np.round(galaxy(1, 30, 9.0)).astype(">i2"))))
    read_alike = refused = 0
    for turn in range(300):
        content = bytearray(kinds[turn % len(kinds)])
        for _ in range(random.integers(1, 4)):
            place = int(random.integers(0, min(len(content), 3200)))
            if random.random() < 0.1:
                del content[place : place + int(random.integers(1, 200))]
            else:
                content[place] = int(random.choice([32, 39, 47, 48, 57, 61, 69, 84, random.integers(256)]))
        expected = ingested(tmp_path, bytes(content))
        try:
            answer = READ(tf.constant([[bytes(content)] * 3])).numpy()[0, 0]
        except tf.errors.InvalidArgumentError as error:
            assert "object 0, band I: " in str(error)
            refused += 1
            continue
        assert isinstance(expected, np.ndarray), expected
        assert np.array_equal(answer, expected, equal_nan=True)
        read_alike += 1
    assert read_alike > 30 and refused > 30


def test_real_stamps_and_awkward_files(real_data, tmp_path):
    paths = sorted(path for path in real_data.glob("kids-stamps/*_stamps/*.fits"))[:60]
    paths += sorted(path for path in real_data.glob("fits-corpus/**/*.fits") if path.is_file())
    paths += sorted(real_data.glob("found/**/*.fits"))
    read_alike = 0
    for path in paths:
        content = path.read_bytes()
        expected = ingested(tmp_path, content)
        try:
            answer = READ(tf.constant([[content] * 3])).numpy()[0, 0]
        except tf.errors.InvalidArgumentError as error:
            assert isinstance(expected, StampError) or "compressed" in str(error), (path, str(error))
            continue
        assert isinstance(expected, np.ndarray), (path, expected)
        assert np.array_equal(answer, expected, equal_nan=True), path
        read_alike += 1
    assert read_alike > 60
