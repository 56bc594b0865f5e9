import gzip
import io
import warnings

import numpy as np
import pytest
from astropy.io import fits

from preprocessing.fits.files import StampError
from preprocessing.fits.image import read_scanned
from preprocessing.fits.reading import read_image


def compressed(image: np.ndarray, **settings) -> bytes:
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fits.HDUList([fits.PrimaryHDU(), fits.CompImageHDU(image, **settings)]).writeto(file)
    return file.getvalue()


def assert_as_astropy(content: bytes) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = fits.getdata(io.BytesIO(content), 1).astype(np.float32)
    planes = expected.shape[0] if expected.ndim == 3 else 1
    found, _ = read_scanned(content, planes, "a")
    assert np.array_equal(found, expected, equal_nan=True)


def sky(shape=(41, 50), dtype="f4") -> np.ndarray:
    image = np.random.default_rng(0).normal(3, 1, shape)
    image[..., 20:24, 20:30] += 40
    return image.astype(dtype)


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("method", [-1, 1, 2])  # no dither, SUBTRACTIVE_DITHER_1 and _2
@pytest.mark.parametrize("tile", [None, (41, 50), (16, 16)])
@pytest.mark.parametrize("algorithm", ["RICE_1", "GZIP_1", "GZIP_2"])
def test_quantized_floats(algorithm, tile, method, dtype):
    image = sky(dtype=dtype)
    image[5] = 0  # a row without noise cannot be quantized: it is stored as it is
    image[7, 3:9] = np.nan
    image[9, 9] = 0.0
    settings = {"compression_type": algorithm, "quantize_method": method, "tile_shape": tile}
    assert_as_astropy(compressed(image, dither_seed=77, **settings))


@pytest.mark.parametrize("dtype", ["u1", "i2", "i4"])
@pytest.mark.parametrize("algorithm", ["RICE_1", "GZIP_1", "GZIP_2"])
def test_integers(algorithm, dtype):
    image = np.random.default_rng(0).integers(0, 120, (41, 50)).astype(dtype)
    assert_as_astropy(compressed(image, compression_type=algorithm))
    assert_as_astropy(compressed(image, compression_type=algorithm, tile_shape=(8, 7)))


def test_unsigned_integers_and_exact_floats_and_cubes():
    assert_as_astropy(compressed(sky().astype("u2") + 40000, compression_type="RICE_1"))
    assert_as_astropy(compressed(sky(), compression_type="GZIP_2", quantize_level=0))
    assert_as_astropy(compressed(sky((3, 41, 50)), compression_type="RICE_1"))
    assert_as_astropy(compressed(sky((3, 41, 50)), compression_type="RICE_1", tile_shape=(1, 20, 20)))


@pytest.mark.parametrize("algorithm", ["HCOMPRESS_1", "NOCOMPRESS"])
def test_other_algorithms_are_left_to_astropy(tmp_path, algorithm):
    content = compressed(sky(), compression_type=algorithm)
    (tmp_path / "a.fits.fz").write_bytes(content)
    found, _ = read_image(tmp_path / "a.fits.fz")
    assert np.array_equal(found, fits.getdata(tmp_path / "a.fits.fz"))


def test_a_tile_that_unpacks_to_gigabytes_is_refused(tmp_path):
    content = compressed(np.zeros((2000, 2000), "f4"), compression_type="GZIP_1", tile_shape=(2000, 2000))
    bomb = gzip.compress(bytes(2**26))
    # The pointer of the only tile: its length and where it begins.
    table = content.index(b"END" + b" " * 77, 2880) // 2880 * 2880 + 2880
    length = int.from_bytes(content[table : table + 4], "big")
    exact = int.from_bytes(content[table + 8 : table + 12], "big")
    changed = bytearray(content[: table + 2880] + bomb + bytes(2880))
    changed[table : table + 8] = len(bomb).to_bytes(4, "big") + (2880).to_bytes(4, "big")
    header = content[2880:table].replace(
        b"PCOUNT  =", b"PCOUNT  = " + str(2880 + len(bomb)).rjust(20).encode() + b" " * 50 + b"COMMENT  "
    )
    assert length or exact
    (tmp_path / "a.fits.fz").write_bytes(bytes(content[:2880]) + header + bytes(changed[table:]))
    with pytest.raises(StampError) as caught:
        read_image(tmp_path / "a.fits.fz")
    assert caught.value.reason == "unreadable"
