"""Valid stamps, damaged at random: each ends as image or reject, in bounded time and memory.

A few seconds in `make test`; `make fuzz` goes on for ten minutes (``FUZZ_SECONDS``).
"""

import bz2
import gzip
import io
import os
import random
import resource
import time

import numpy as np
import pytest
from astropy.io import fits

from preprocessing.fits.files import StampError
from preprocessing.fits.header import refuse_absurd
from preprocessing.fits.image import read_scanned
from preprocessing.fits.isolated import IsolatedReader
from preprocessing.fits.reading import read_image
from preprocessing.settings import MAX_SIDE

SECONDS = float(os.environ.get("FUZZ_SECONDS", "5"))
SEED = int(os.environ.get("FUZZ_SEED", "0"))
LONGEST = 40.0  # seconds for one file
KEYWORDS = b"BITPIX NAXIS NAXIS1 NAXIS2 BSCALE BZERO BLANK PCOUNT GCOUNT ZNAXIS ZNAXIS1".split()
KEYWORDS += b"ZTILE1 ZBITPIX ZCMPTYPE ZVAL1 THEAP TFIELDS TFORM1 TTYPE2 ZQUANTIZ ZDITHER0 ZBLANK".split()
VALUES = b"0 1 -1 2 8 16 -32 -64 8000 99999999999 1.5 1e400 T 'RICE_1' '' '1PB(9)' (1,2)".split()


def written(*hdus) -> bytes:
    file = io.BytesIO()
    fits.HDUList(list(hdus)).writeto(file)
    return file.getvalue()


def seeds() -> dict[str, bytes]:
    image = np.random.default_rng(0).normal(3, 1, (24, 30)).astype("f4")
    scaled = fits.PrimaryHDU(image.astype("i2"))
    scaled.header["BSCALE"], scaled.header["BZERO"], scaled.header["BLANK"] = 0.5, 10.0, 3
    plain = written(fits.PrimaryHDU(image))
    compressed = {
        algorithm: written(fits.PrimaryHDU(), fits.CompImageHDU(image, compression_type=algorithm))
        for algorithm in ("RICE_1", "GZIP_1", "GZIP_2", "HCOMPRESS_1")
    }
    integers = fits.CompImageHDU((image * 10).astype("i2"), compression_type="RICE_1", tile_shape=(8, 8))
    return compressed | {
        "plain": plain,
        "scaled": written(scaled),
        "second": written(fits.PrimaryHDU(np.zeros((24, 30), "f4")), fits.ImageHDU(image)),
        "integers": written(fits.PrimaryHDU(), integers),
        "gzip": gzip.compress(plain),
        "bzip2": bz2.compress(plain),
    }


def damaged(content: bytes, chance: random.Random) -> bytes:
    data = bytearray(content)
    for _ in range(chance.choice((1, 1, 2, 5))):
        place = chance.randrange(len(data)) if data else 0
        match chance.randrange(7):
            case 0:
                data[place : place + 1] = bytes([chance.randrange(256)])
            case 1:
                del data[place:]
            case 2:
                del data[place : place + chance.choice((1, 80, 2880))]
            case 3:
                data[place:place] = data[place : place + chance.choice((1, 80, 2880))]
            case 4:
                data[place : place + 80] = chance.randbytes(80)
            case 5:
                keyword = chance.choice(KEYWORDS).ljust(8) + b"= "
                if (card := data.find(keyword)) >= 0:
                    data[card : card + 80] = (keyword + chance.choice(VALUES).rjust(20)).ljust(80)
            case 6:
                data += chance.randbytes(chance.choice((1, 2880)))
    return bytes(data)


def test_damaged_stamps_end_as_image_or_reject(tmp_path):
    chance = random.Random(SEED)
    originals = seeds()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    end, count, images, compared = time.monotonic() + SECONDS, 0, 0, 0
    path, astropy = tmp_path / "a.fits", IsolatedReader()
    while time.monotonic() < end or count <= 20:  # a busy machine takes longer
        kind = chance.choice(list(originals))
        content = damaged(originals[kind], chance)
        path.write_bytes(content)
        started = time.monotonic()
        try:
            image, header = read_image(path)
        except StampError as error:
            assert error.message and error.path == str(path)
        else:
            images += 1
            assert image.dtype == np.float32 and image.ndim == 2 and 0 < max(image.shape) <= MAX_SIDE
            header.get("FILTER")
        assert time.monotonic() - started < LONGEST, (kind, count)
        count += 1
        # Where the fast reader gives an image, astropy gives the same one.
        try:
            fast = read_scanned(content, 1, path)[0]
            refuse_absurd(content)
            slow = astropy.read(content, 1, path)[0]
        except Exception:
            continue  # no image, as was accounted for above
        compared += 1
        assert np.array_equal(fast, slow, equal_nan=True), (kind, SEED, count)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print(f"{count} files, {images} images, {compared} compared with astropy, {grown:.0f} MiB more memory")
    assert count > 20 and images > 0 and compared > 0
    assert grown < 2048


@pytest.mark.parametrize("kind", seeds())
def test_what_is_damaged_was_good(tmp_path, kind):
    (tmp_path / "a.fits").write_bytes(seeds()[kind])
    assert read_image(tmp_path / "a.fits")[0].shape == (24, 30)
