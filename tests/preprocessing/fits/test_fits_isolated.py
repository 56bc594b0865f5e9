import io
import time

import numpy as np
import pytest
from astropy.io import fits

from preprocessing.fits import isolated
from preprocessing.fits.files import StampError
from preprocessing.fits.isolated import IsolatedReader
from preprocessing.fits.reading import read_image


def file_of(**settings) -> bytes:
    image = np.random.default_rng(0).normal(3, 1, (24, 30)).astype("f4")
    file = io.BytesIO()
    compressed = fits.CompImageHDU(image, **settings)
    compressed.header["FILTER"] = "R"
    fits.HDUList([fits.PrimaryHDU(header=fits.Header({"TILE": "A"})), compressed]).writeto(file)
    return file.getvalue()


def test_it_reads_what_astropy_reads():
    content, reader = file_of(compression_type="HCOMPRESS_1"), IsolatedReader()
    for _ in range(2):
        image, header = reader.read(content, 1, "a.fits")
        assert np.array_equal(image, fits.getdata(io.BytesIO(content)))
        assert header.get("FILTER") == "R" and header.get("TILE") == "A"
    with pytest.raises(StampError, match="cube of 3 planes") as caught:
        reader.read(content, 3, "a.fits")
    assert caught.value.reason == "wrong_planes" and caught.value.path == "a.fits"


def test_a_file_that_crashes_the_decoder_is_a_reject(tmp_path):
    content = bytearray(file_of(compression_type="HCOMPRESS_1"))
    start = content.index(b"\xdd\x99")  # HCOMPRESS's magic number; then the sides of the tile
    assert content[start + 2 : start + 10] == (24).to_bytes(4, "big") + (30).to_bytes(4, "big")
    content[start + 9] = 104  # the decoder believes it and writes beyond its memory
    (tmp_path / "a.fits").write_bytes(content)
    # What it writes there decides whether the process ends at once.
    with pytest.raises(StampError, match=r"astropy crashed on it|not readable as FITS") as caught:
        read_image(tmp_path / "a.fits")
    assert caught.value.reason == "unreadable"
    (tmp_path / "b.fits").write_bytes(file_of(compression_type="HCOMPRESS_1"))
    assert read_image(tmp_path / "b.fits")[0].shape == (24, 30)


def test_a_process_that_an_earlier_file_has_damaged_does_not_cost_the_next_one():
    content, reader = file_of(compression_type="HCOMPRESS_1"), IsolatedReader()
    reader.read(content, 1, "a.fits")
    # The process ends while it reads the next file, as if its memory had been overwritten.
    first, asked = reader._process, []
    ask = isolated._ask

    def crash_once(process, question):
        asked.append(process)
        if process is first:
            process.kill()
        return ask(process, question)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(isolated, "_ask", crash_once)
        image, _ = reader.read(content, 1, "b.fits")
    assert np.array_equal(image, fits.getdata(io.BytesIO(content)))
    assert len(asked) == 2 and asked[0] is not asked[1]


def test_after_damaged_tiles_the_next_file_gets_a_new_process():
    good, reader = file_of(compression_type="HCOMPRESS_1"), IsolatedReader()
    reader.read(good, 1, "a.fits")
    before = reader._process
    bad = bytearray(good)
    start = bad.index(b"\xdd\x99")
    bad[start : start + 2] = b"xx"  # no longer HCOMPRESS's magic number
    with pytest.raises(StampError, match="not readable as FITS"):
        reader.read(bytes(bad), 1, "bad.fits")
    assert np.array_equal(reader.read(good, 1, "b.fits")[0], fits.getdata(io.BytesIO(good)))
    assert reader._process is not before and before.poll() is not None


def test_a_file_that_takes_too_long_is_a_reject(monkeypatch):
    cards = [f"{'SIMPLE':<8}= {'T':>20}", f"{'BITPIX':<8}= {8:>20}", f"{'NAXIS':<8}= {10**9:>20}", "END"]
    endless = "".join(f"{card:<80}" for card in cards).encode().ljust(2880)
    reader = IsolatedReader()
    reader.read(file_of(compression_type="HCOMPRESS_1"), 1, "a")
    monkeypatch.setattr(isolated, "SECONDS", 0.5)
    started = time.monotonic()
    with pytest.raises(StampError, match="took longer than"):
        reader.read(endless, 1, "a")
    assert time.monotonic() - started < 10
