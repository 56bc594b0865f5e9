import bz2
import gzip
import os
import resource
import socket

import numpy as np
import pytest
from astropy.io import fits

from preprocessing.fits.files import MAX_FILE_BYTES, StampError, read_bytes
from preprocessing.fits.reading import read_image


def reason_of(function, *args, **kwargs) -> str:
    with pytest.raises(StampError) as caught:
        function(*args, **kwargs)
    assert caught.value.message and caught.value.path
    return caught.value.reason


def test_packed_files_are_unpacked_by_content_whatever_their_name(tmp_path):
    content = os.urandom(5000)
    (tmp_path / "plain.fits.gz").write_bytes(content)
    (tmp_path / "packed.fits").write_bytes(gzip.compress(content[:3000]) + gzip.compress(content[3000:]))
    (tmp_path / "packed.dat").write_bytes(bz2.compress(content))
    for name in ("plain.fits.gz", "packed.fits", "packed.dat"):
        assert read_bytes(tmp_path / name) == content


def test_whatever_stands_under_a_fits_name_is_a_reject(tmp_path):
    (tmp_path / "text.fits").write_text("<html>404</html>")
    (tmp_path / "empty.fits").touch()
    (tmp_path / "folder.fits").mkdir()
    (tmp_path / "link.fits").symlink_to(tmp_path / "nowhere")
    (tmp_path / "circle.fits").symlink_to(tmp_path / "circle.fits")
    with open(tmp_path / "sparse.fits", "wb") as sparse:
        sparse.truncate(4 * 2**30)
    os.mkfifo(tmp_path / "pipe.fits")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "socket.fits"))
    fits.PrimaryHDU(np.zeros((3, 20, 20))).writeto(tmp_path / "cube.fits")
    fits.PrimaryHDU(np.ones((200, 200))).writeto(tmp_path / "whole.fits")
    whole = (tmp_path / "whole.fits").read_bytes()
    (tmp_path / "short.fits").write_bytes(whole[:20_000])
    (tmp_path / "short_gz.fits").write_bytes(gzip.compress(whole)[:-50])
    (tmp_path / "short_bz2.fits").write_bytes(bz2.compress(whole)[:-20])
    reasons = {
        "text": "unreadable",
        "empty": "unreadable",
        "folder": "not_a_file",
        "link": "not_a_file",
        "circle": "not_a_file",
        "sparse": "too_large",
        "pipe": "not_a_file",
        "socket": "not_a_file",
        "cube": "wrong_planes",
        "short": "unreadable",
        "short_gz": "unreadable",
        "short_bz2": "unreadable",
        "absent": "missing_file",
        "n" * 300: "not_a_file",
    }
    assert {name: reason_of(read_image, tmp_path / f"{name}.fits") for name in reasons} == reasons


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress])
def test_a_small_file_that_unpacks_to_gigabytes_costs_no_gigabytes(tmp_path, pack):
    chunk = pack(bytes(2**24))
    (tmp_path / "bomb.fits").write_bytes(chunk * (2 * MAX_FILE_BYTES // 2**24))
    assert (tmp_path / "bomb.fits").stat().st_size < 2**20
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert reason_of(read_image, tmp_path / "bomb.fits") == "too_large"
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    assert grown < 2.5 * MAX_FILE_BYTES
