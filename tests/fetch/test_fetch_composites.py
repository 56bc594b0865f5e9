"""Flux from colour pictures."""

import csv
import importlib.util
import io
import sys
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from astropy.io import fits
from astropy.visualization import make_lupton_rgb
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from local_server import answer
from PIL import Image

from fetch.composites import inverse_lupton
from pipeline.cli import main
from preprocessing.fits.reading import read_image


@pytest.fixture
def fetch_stamps(monkeypatch, capsys, tmp_path, server):
    """Run the command line on a table; return exit status, output and errors."""
    (tmp_path / "objects.csv").write_text("name,ra,dec,scale\na,10,-1,0.5\nb,11,-1,1.25\nc,12,-1,\n")
    template = f"{server.url}/{{name}}?ra={{ra}}&scale={{scale}}&width={{size}}"

    def run(*words, composite="3,8", template=template):
        command = ["galmorph", "fetch", "stamps", tmp_path / "objects.csv", "--size", 32, *words]
        command += ["--out", tmp_path / "out", "--retries", 0, "--url-template", template]
        monkeypatch.setattr(
            sys, "argv", [*map(str, command), *(["--composite", composite] * bool(composite))]
        )
        with pytest.raises(SystemExit) as ended:
            main()
        return ended.value.code, *capsys.readouterr()

    return run


def picture(seed: int = 0, kind: str = "PNG") -> tuple[bytes, np.ndarray]:
    rgb = np.random.default_rng(seed).integers(0, 256, (32, 32, 3), np.uint8)
    stream = io.BytesIO()
    Image.fromarray(rgb).save(stream, kind)
    return stream.getvalue(), np.asarray(Image.open(stream))


def manifest(folder: Path) -> dict[tuple[str, str], dict[str, str]]:
    with open(folder / "out/manifest.csv", newline="") as table:
        return {(row["name"], row["band"]): row for row in csv.DictReader(table)}


@given(arrays(np.uint8, (4, 5, 3)), st.floats(1e-11, 1e3), st.floats(0.5, 20.0))
def test_the_picture_comes_back(rgb, stretch, q):
    red, green, blue = inverse_lupton(rgb, stretch=stretch, q=q)
    again = make_lupton_rgb(red, green, blue, stretch=stretch, Q=q)
    assert np.abs(again.astype(int) - rgb).max() <= 1


def test_three_stamps_of_one_picture(fetch_stamps, server, tmp_path):
    for name, kind in (("a", "PNG"), ("b", "JPEG")):
        server.on(f"/{name}", answer(picture(kind=kind)[0]))
    status, output, errors = fetch_stamps("--workers", 4)
    assert (status, errors) == (0, "") and "the row has no number in column 'scale'" in output
    queries = {urlsplit(asked.path).path: parse_qs(urlsplit(asked.path).query) for asked in server.asked}
    assert len(server.asked) == 2, "one request a galaxy, not one a band"
    assert queries["/b"] == {"ra": ["11.0000000"], "scale": ["1.25"], "width": ["32"]}
    planes = [read_image(tmp_path / f"out/{band}_stamps/b_{band}.fits")[0] for band in "IRG"]
    made = make_lupton_rgb(*planes, stretch=3, Q=8)
    assert np.abs(made[::-1].astype(int) - picture(kind="JPEG")[1]).max() <= 1
    assert fits.getheader(tmp_path / "out/R_stamps/b_R.fits")["OBJECT"] == "b"
    status, output, _ = fetch_stamps()
    assert ["were", "there", "6"] in [line.split() for line in output.splitlines()] and len(server.asked) == 2


def test_what_is_no_picture_or_shows_nothing(fetch_stamps, server, tmp_path):
    black = io.BytesIO()
    Image.new("RGB", (32, 32)).save(black, "JPEG")
    server.on("/a", answer(b"<!DOCTYPE html><html>log in</html>"))
    server.on("/b", answer(black.getvalue()))
    status, _, errors = fetch_stamps()
    assert status == 2 and "none of 9 stamps came" in errors
    messages = {key: row["message"] for key, row in manifest(tmp_path).items()}
    assert "no picture" in messages["a", "I"] and "one colour" in messages["b", "G"]
    server.on("/a", answer(picture()[0][:-40]))  # cut short
    fetch_stamps()
    assert "no picture" in manifest(tmp_path)["a", "R"]["message"]
    server.on("/a", answer(picture()[0]))
    fetch_stamps()
    assert manifest(tmp_path)["a", "R"]["status"] == "fetched"


@pytest.mark.parametrize(
    ("words", "composite", "template", "message"),
    [
        ((), "3", "http://h/{name}", "--composite '3'"),
        ((), "0,8", "http://h/{name}", "--composite 0,8"),
        ((), "3,nan", "http://h/{name}", "above 0"),
        (("--bands", "I,R"), "3,8", "http://h/{name}", "--bands has 2"),
        ((), "3,8", "http://h/{name}/{redshift}", "has no column 'redshift'"),
        ((), None, "http://h/{name}", r"needs {band}"),
    ],
)
def test_options_that_will_not_do(fetch_stamps, words, composite, template, message):
    status, _, errors = fetch_stamps(*words, composite=composite, template=template)
    assert status == 2 and message in errors and errors.count("\n") == 1


def test_real_pictures_give_the_stamps_of_the_published_figures(real_data):
    path = real_data.parent / "tools/make_sdss_stamps.py"
    if not path.is_file():
        pytest.skip(f"{path} is not there")
    spec = importlib.util.spec_from_file_location("make_sdss_stamps", path)
    reference = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(reference)
    for file in sorted((real_data / "sdss-hubble/images").glob("*.jpg"))[::100]:
        with Image.open(file) as image:
            small = image.convert("RGB").resize((128, 128), Image.Resampling.LANCZOS)
        ours = inverse_lupton(np.asarray(small), stretch=3, q=8)[:, ::-1]
        assert np.array_equal(ours, reference.linear_planes(small, 128)), file.name
