import bz2
import gzip
import io
import warnings
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import given, settings
from hypothesis import strategies as st

from preprocessing.fits import windows
from preprocessing.fits.files import StampError
from preprocessing.fits.reading import read_image
from preprocessing.fits.sources import ASTROPY, AstropySource, CompressedSource, PlainSource
from preprocessing.fits.tiles import TiledImage
from preprocessing.fits.windows import WindowReader

HEIGHT, WIDTH = 83, 57


def sky(dtype: str = "f4", seed: int = 0, shape: tuple[int, int] = (HEIGHT, WIDTH)) -> np.ndarray:
    image = np.random.default_rng(seed).normal(300, 20, shape)
    image[20:24, 20:30] += 4000
    return image.astype(dtype)


def write(path: Path, *hdus) -> Path:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fits.HDUList([fits.PrimaryHDU(), *hdus] if len(hdus) == 1 else list(hdus)).writeto(
            path, overwrite=True
        )
    return path


def cut(image: np.ndarray, top: int, left: int, height: int, width: int) -> np.ndarray:
    """Return what a window should hold, pixel by pixel."""
    rows, columns = np.arange(top, top + height), np.arange(left, left + width)
    inside = np.ix_((rows >= 0) & (rows < image.shape[0]), (columns >= 0) & (columns < image.shape[1]))
    window = np.full((height, width), np.nan, np.float32)
    window[inside] = image[np.ix_(rows[inside[0].ravel()], columns[inside[1].ravel()])]
    return window


def by_astropy(path: Path, number: int) -> np.ndarray:
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        return fits.getdata(path, number).astype(np.float32)


PLACES = st.tuples(st.integers(-60, 90), st.integers(-60, 70), st.integers(1, 60), st.integers(1, 60))
COMPRESSIONS = st.sampled_from(["", "RICE_1", "GZIP_1", "GZIP_2"])
TILES = st.one_of(st.none(), st.tuples(st.integers(1, HEIGHT + 5), st.integers(1, WIDTH + 5)))


@settings(max_examples=120)
@given(
    compression=COMPRESSIONS,
    dtype=st.sampled_from(["u1", "i2", "i4", "u2", "f4", "f8"]),
    tile=TILES,
    method=st.sampled_from([-1, 1, 2]),
    places=st.lists(PLACES, min_size=1, max_size=8),
    in_order=st.booleans(),
)
def test_windows_of_any_layout_are_those_of_the_whole_image(
    tmp_path_factory, compression, dtype, tile, method, places, in_order
):
    image = np.clip(sky(), 0, 255).astype("u1") if dtype == "u1" else sky(dtype)
    if "f" in dtype:
        image[40, 3:9] = np.nan
        image[50] = 0  # cannot be quantized: stored as gzipped floats
    if compression:
        extra = {"quantize_method": method, "dither_seed": 9999} if "f" in dtype else {}
        hdu = fits.CompImageHDU(image, compression_type=compression, tile_shape=tile, **extra)
    else:
        hdu = fits.ImageHDU(image)
    path = write(tmp_path_factory.mktemp("windows") / "a.fits", hdu)
    expected = by_astropy(path, 1)
    reader = WindowReader(path)
    assert isinstance(reader._source, CompressedSource if compression else PlainSource)
    assert reader.shape == (HEIGHT, WIDTH)
    for place in sorted(places) if in_order else places:
        found = reader.read(*place)
        assert found.dtype == np.float32 and np.array_equal(found, cut(expected, *place), equal_nan=True)


@settings(max_examples=40)
@given(
    dtype=st.sampled_from(["u1", ">i2", ">i4", ">f4", ">f8"]),
    scale=st.sampled_from([1.0, 2.0, 0.1, -3.5e-12]),
    zero=st.sampled_from([0.0, 10.5, 128.0, 32768.0]),
    blank=st.sampled_from([None, 0, 3, 110]),
    place=PLACES,
)
def test_scaled_and_blank_pixels(tmp_path_factory, dtype, scale, zero, blank, place):
    stored = np.random.default_rng(0).integers(0, 120, (HEIGHT, WIDTH)).astype(dtype)
    file = io.BytesIO()
    hdu = fits.PrimaryHDU(stored)
    hdu.writeto(file)
    cards = {"BSCALE": scale, "BZERO": zero} | ({} if blank is None or "f" in dtype else {"BLANK": blank})
    head = "".join(f"{fits.Card(key, value).image:<80}" for key, value in cards.items()).encode()
    content = file.getvalue()
    end = content.index(b"END" + b" " * 77)
    path = tmp_path_factory.mktemp("windows") / "a.fits"
    path.write_bytes(content[:end] + head + content[end : 2880 - len(head)] + content[2880:])
    found = WindowReader(path).read(*place)
    assert np.array_equal(found, cut(read_image(path)[0], *place), equal_nan=True)


@pytest.mark.parametrize("compression", ["HCOMPRESS_1", "PLIO_1"])
def test_what_only_astropy_reads_is_read_in_bands_of_rows(tmp_path, compression):
    image = sky("i2" if compression == "PLIO_1" else "f4", shape=(230, 64))
    path = write(tmp_path / "a.fits", fits.CompImageHDU(image, compression_type=compression))
    expected, reader = by_astropy(path, 1), WindowReader(path)
    assert isinstance(reader._source, AstropySource)
    for place in [(0, 0, 20, 20), (50, -5, 30, 40), (200, 30, 60, 60), (10, 10, 5, 5)]:
        assert np.array_equal(reader.read(*place), cut(expected, *place), equal_nan=True)


def test_blank_integers_that_only_astropy_reads(tmp_path):
    stored = np.random.default_rng(0).integers(1, 120, (90, 64)).astype("i2")
    stored[70, 3:9] = 99
    header = fits.Header({"BLANK": 99})
    path = write(tmp_path / "a.fits", fits.CompImageHDU(stored, header))
    reader = WindowReader(path)
    assert isinstance(reader._source, AstropySource)
    expected = np.where(stored == 99, np.float32(np.nan), stored.astype("f4"))
    assert np.array_equal(reader.read(60, 0, 20, 64), expected[60:80], equal_nan=True)


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress])
def test_packed_files(tmp_path, pack):
    path = write(tmp_path / "a.fits", fits.CompImageHDU(sky()))
    expected = by_astropy(path, 1)
    path.write_bytes(pack(path.read_bytes()))
    assert np.array_equal(WindowReader(path).read(10, 5, 30, 30), expected[10:40, 5:35])
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(StampError) as caught:
        WindowReader(path)
    assert caught.value.reason == "unreadable"


def test_the_first_image_that_varies_is_chosen_as_for_stamps(tmp_path):
    zeros, ones = np.zeros((9, 8), "f4"), np.full((HEIGHT, WIDTH), 7, "f4")
    late = ones.copy()
    late[-1, -1] = np.nan
    varied = sky()
    path = write(tmp_path / "a.fits", fits.PrimaryHDU(zeros), fits.ImageHDU(late), fits.CompImageHDU(varied))
    reader = WindowReader(path)
    assert reader.shape == (HEIGHT, WIDTH) and np.array_equal(
        reader.read(0, 0, HEIGHT, WIDTH), read_image(path)[0]
    )
    write(path, fits.PrimaryHDU(zeros), fits.ImageHDU(ones))
    assert WindowReader(path).shape == read_image(path)[0].shape == (9, 8)


def test_the_field_is_not_read_to_learn_whether_it_varies(tmp_path, monkeypatch):
    monkeypatch.setattr("preprocessing.fits.sources._SAMPLE", 5 * WIDTH)
    read = counted(monkeypatch)
    image = sky()
    image[:12] = 0
    path = write(
        tmp_path / "a.fits", fits.PrimaryHDU(), fits.CompImageHDU(image), fits.ImageHDU(np.ones((3, 3)))
    )
    WindowReader(path)
    assert len(read) == 15  # three samples of five rows each: the third has other numbers than zero
    write(path, fits.CompImageHDU(image))
    read.clear()
    WindowReader(path)
    assert read == []  # the last unit of the file, so there is no choice


def counted(monkeypatch) -> list[int]:
    """Return a list that is filled with the tiles that are decompressed."""
    read: list[int] = []
    pixels = TiledImage.pixels

    def counting(self, indices):
        read.extend(indices)
        return pixels(self, indices)

    monkeypatch.setattr(TiledImage, "pixels", counting)
    return read


def test_each_tile_is_decompressed_once_and_only_if_a_window_touches_it(tmp_path, monkeypatch):
    path = write(tmp_path / "a.fits", fits.CompImageHDU(sky(), tile_shape=(10, 20)))
    read = counted(monkeypatch)
    reader = WindowReader(path)
    tops = np.sort(np.random.default_rng(0).integers(0, 60, 100)).tolist()
    for top in tops:
        reader.read(top, 25, 12, 10)
    touched = {row for top in tops for row in range(top // 10, (top + 11) // 10 + 1)}
    assert sorted(read) == [3 * row + 1 for row in sorted(touched)]


def test_memory_is_a_band_of_rows(tmp_path):
    path = write(tmp_path / "a.fits", fits.CompImageHDU(sky(shape=(2000, WIDTH))))
    reader, expected = WindowReader(path), by_astropy(path, 1)
    for top in range(0, 2000, 3):
        assert np.array_equal(reader.read(top, 0, 20, 20), cut(expected, top, 0, 20, 20), equal_nan=True)
        assert reader.memory <= 4 * 100 * WIDTH


def test_a_damaged_tile_costs_the_windows_that_touch_it(tmp_path):
    path = write(tmp_path / "a.fits", fits.CompImageHDU(sky(), compression_type="GZIP_1"))
    expected = by_astropy(path, 1)
    damage(path, tile=30)
    reader = WindowReader(path)
    for _ in range(2):
        assert np.array_equal(reader.read(10, 5, 20, 20), expected[10:30, 5:25])
        with pytest.raises(StampError, match="rows 31 to 31") as caught:
            reader.read(25, 5, 20, 20)
        assert (caught.value.reason, caught.value.path) == ("unreadable", str(path))
        assert np.array_equal(reader.read(31, 5, 20, 20), expected[31:51, 5:25])


@pytest.mark.parametrize("astropy_opens_it", [True, False])
def test_a_tile_that_points_beyond_the_file(tmp_path, monkeypatch, astropy_opens_it):
    path = write(tmp_path / "a.fits", fits.CompImageHDU(sky(shape=(300, 64))))
    expected = by_astropy(path, 1)
    with fits.open(path, disable_image_compression=True) as hdus:
        place = hdus.fileinfo(1)["datLoc"] + 200 * hdus[1].header["NAXIS1"] + 4
    content = bytearray(path.read_bytes())
    content[place : place + 4] = (2**30).to_bytes(4, "big")
    path.write_bytes(content)
    if not astropy_opens_it:
        monkeypatch.setattr(ASTROPY, "images", lambda _: [])
    reader = WindowReader(path)
    for _ in range(2):
        assert np.array_equal(reader.read(10, 5, 20, 20), expected[10:30, 5:25])
        with pytest.raises(StampError) as caught:
            reader.read(195, 5, 20, 20)
        assert caught.value.reason == "unreadable"
        assert np.array_equal(reader.read(270, 5, 20, 20), expected[270:290, 5:25])
    assert isinstance(reader._source, AstropySource) is astropy_opens_it


def damage(path: Path, tile: int) -> None:
    """Overwrite the compressed bytes of a tile."""
    with fits.open(path, disable_image_compression=True) as hdus:
        start, header = hdus.fileinfo(1)["datLoc"], hdus[1].header
        assert header["TFORM1"].startswith("1P") and header["TTYPE1"] == "COMPRESSED_DATA"
    content, width = bytearray(path.read_bytes()), header["NAXIS1"]
    length, offset = np.frombuffer(content, ">i4", 2, start + tile * width).tolist()
    first = start + width * header["NAXIS2"] + offset
    content[first : first + length] = b"\xff" * length
    path.write_bytes(content)


@pytest.mark.parametrize("compressed", [False, True])
def test_a_file_cut_short_still_gives_its_first_rows(tmp_path, compressed):
    image = sky(shape=(400, 64))
    path = write(tmp_path / "a.fits", fits.CompImageHDU(image) if compressed else fits.ImageHDU(image))
    expected, content = by_astropy(path, 1), path.read_bytes()
    path.write_bytes(content[: len(content) * 2 // 3])
    reader = WindowReader(path)
    assert np.array_equal(reader.read(0, 0, 64, 64), expected[:64], equal_nan=True)
    with pytest.raises(StampError) as caught:
        reader.read(380, 0, 20, 64)
    assert caught.value.reason == "unreadable"


def test_a_file_that_becomes_shorter_while_it_is_read(tmp_path):
    path = write(tmp_path / "a.fits", fits.ImageHDU(sky(shape=(4000, 64))))
    reader, expected = WindowReader(path), by_astropy(path, 1)
    with open(path, "r+b") as file:
        file.truncate(500_000)
    assert np.array_equal(reader.read(0, 0, 64, 64), expected[:64])
    with pytest.raises(StampError, match="shorter"):
        reader.read(3000, 0, 64, 64)
    assert np.array_equal(reader.read(64, 0, 64, 64), expected[64:128])


def test_files_that_are_no_image(tmp_path):
    reasons = {}
    (tmp_path / "folder").mkdir()
    (tmp_path / "empty").touch()
    (tmp_path / "text").write_text("no FITS file\n" * 1000)
    fits.PrimaryHDU().writeto(tmp_path / "nothing")
    fits.PrimaryHDU(np.zeros((3, 20, 20), "f4")).writeto(tmp_path / "cube")
    for name in ("folder", "empty", "text", "nothing", "cube", "absent"):
        with pytest.raises(StampError) as caught:
            WindowReader(tmp_path / name)
        reasons[name] = caught.value.reason
    assert reasons == {
        "folder": "not_a_file",
        "empty": "unreadable",
        "text": "unreadable",
        "nothing": "no_image",
        "cube": "wrong_planes",
        "absent": "missing_file",
    }


def test_tiles_that_need_too_much_memory_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(windows, "MAX_BAND_BYTES", 4 * WIDTH * 40)
    path = write(tmp_path / "a.fits", fits.CompImageHDU(sky(), tile_shape=(HEIGHT, WIDTH)))
    with pytest.raises(StampError) as caught:
        WindowReader(path).read(0, 0, 5, 5)
    assert caught.value.reason == "too_large"


def test_a_file_that_is_replaced_is_read_anew(tmp_path):
    for seed in (1, 2):
        image = sky(seed=seed, shape=(70, 64))
        path = write(tmp_path / "a.fits", fits.CompImageHDU(image, compression_type="HCOMPRESS_1"))
        assert np.array_equal(WindowReader(path).read(0, 0, 70, 64), by_astropy(path, 1))


def test_real_files(real_data):
    for name in ("rice_dithered.fits.fz", "gzip_compressed.fits.fz", "hsc_image_in_ext1_nonsquare_G.fits",
                 "sdss_uint16_bzero_pedestal_r.fits", "ngc6976_r_wrong_filter_keyword.fits.bz2",
                 "sparcfire_primary_zeros_image_in_ext1.fits"):  # fmt: skip
        path = real_data / "fits-corpus" / name
        expected, reader = read_image(path)[0], WindowReader(path)
        assert reader.shape == expected.shape
        for place in [(-10, -10, 40, 40), (30, 20, 50, 60), (expected.shape[0] - 20, 0, 64, 64)]:
            assert np.array_equal(reader.read(*place), cut(expected, *place), equal_nan=True)
