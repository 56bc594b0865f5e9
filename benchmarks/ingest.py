"""Speed of the ingest compared with the plain loop of the published method, and of our readers with astropy.

    python -m benchmarks.ingest [--galaxies 3000] [--json FILE]

Writes stamps of 200 x 200 pixels in three bands to a temporary folder (0.5 MB a galaxy) and measures, all in
one run and with a warm file cache:

- galaxies per second of FitsExampleGen, from stamps to TFRecords, with the default settings of the runner;
- galaxies per second of the plain loop on the same stamps: three `astropy.io.fits.getdata`, one
  `make_lupton_rgb`, one PNG saved;
- images per second of `read_image` and of `fits.getdata`, of plain and of Rice-compressed stamps.
"""

import argparse
import contextlib
import csv
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from astropy.io import fits
from astropy.visualization import make_lupton_rgb
from PIL import Image
from rich.console import Console
from rich.table import Table

from benchmarks.example_gen import run_example_gen

BANDS = ("I", "R", "G")
SIDE = 200
PLAIN_LOOP_GALAXIES = 400


def write_survey(folder: Path, galaxies: int) -> None:
    """Write stamps with the header of a survey (coordinate system, exposure, a hundred cards) and labels."""
    noise = np.random.default_rng(0)
    for band in BANDS:
        (folder / band).mkdir()
    rows = []
    for index in range(galaxies):
        name = f"SPLUS.STRIPE82-{index:06d}.griz"
        ra, dec = 10 + (index % 300) * 0.1, -1 + (index // 300) * 0.01
        rows.append((name, ("spiral", "elliptical")[index % 2], f"{ra:.6f}", f"{dec:.6f}"))
        for band in BANDS:
            image = noise.standard_normal((SIDE, SIDE), dtype=np.float32)
            image[90:110, 90:110] += 20
            fits.PrimaryHDU(image, header(ra, dec, band)).writeto(stamp(folder, name, band))
    with open(folder / "labels.csv", "w", newline="") as table:
        csv.writer(table).writerows([("name", "label", "ra", "dec"), *rows])


def header(ra: float, dec: float, band: str) -> fits.Header:
    """Return a header of about the length of a survey's."""
    cards = fits.Header({"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRVAL1": ra, "CRVAL2": dec})
    cards["CRPIX1"] = cards["CRPIX2"] = (SIDE + 1) / 2
    cards["CD1_1"], cards["CD2_2"] = -0.55 / 3600, 0.55 / 3600
    cards["FILTER"], cards["SATURATE"], cards["MAGZERO"] = band, 60000.0, 23.5
    for index in range(80):
        cards[f"KEY{index}"] = (index * 1.5, "one of many")
    return cards


def stamp(folder: Path, name: str, band: str) -> Path:
    """Return the path of a stamp."""
    return folder / band / f"{name}_{band}.fits"


def plain_loop(folder: Path, names: list[str]) -> float:
    """Run the plain loop of the published method, and return the galaxies per second."""
    out = folder / "png"
    out.mkdir()
    started = time.perf_counter()
    for name in names:
        red, green, blue = (fits.getdata(stamp(folder, name, band)) for band in BANDS)
        Image.fromarray(make_lupton_rgb(red, green, blue, stretch=3, Q=8)).save(out / f"{name}.png")
    return len(names) / (time.perf_counter() - started)


def rate(read: Callable[[Path], object], paths: list[Path]) -> float:
    """Return the number of cached files per second that a function reads."""
    read(paths[0])
    started = time.perf_counter()
    for path in paths:
        read(path)
    return len(paths) / (time.perf_counter() - started)


def readers(folder: Path, names: list[str]) -> Iterator[tuple[str, float, float]]:
    """Yield the name of a test, and images per second of our reader and of astropy, measured in turns."""
    from preprocessing.fits.reading import read_image

    plain = [stamp(folder, name, band) for name in names[:200] for band in BANDS]
    rice = []
    for path in plain[:200]:
        compressed = fits.CompImageHDU(fits.getdata(path), fits.getheader(path), compression_type="RICE_1")
        rice.append(path.with_suffix(".fits.fz"))
        fits.HDUList([fits.PrimaryHDU(), compressed]).writeto(rice[-1])
    for name, paths in (("plain stamps", plain), ("Rice-compressed stamps", rice)):
        rates = np.array([(rate(read_image, paths), rate(fits.getdata, paths)) for _ in range(3)])
        ours, theirs = np.median(rates, axis=0)
        yield name, float(ours), float(theirs)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--galaxies", type=int, default=3000)
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    arguments = parser.parse_args()
    results = []
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        print(f"writing {arguments.galaxies} galaxies", file=sys.stderr)
        write_survey(folder, arguments.galaxies)
        with open(folder / "labels.csv") as table:
            names = [row["name"] for row in csv.DictReader(table)]
        before = plain_loop(folder, names[:PLAIN_LOOP_GALAXIES])
        with open(os.devnull, "w") as nothing, contextlib.redirect_stderr(nothing):
            seconds, _, report = run_example_gen(folder, BANDS, 128)
        assert report["examples"] == arguments.galaxies
        (folder / "png").rename(folder / "png-before")
        after = plain_loop(folder, names[:PLAIN_LOOP_GALAXIES])
        results.append(
            ("FitsExampleGen", "galaxies", arguments.galaxies / seconds, "plain loop", (before + after) / 2)
        )
        for name, ours, theirs in readers(folder, names):
            results.append((f"read_image, {name}", "images", ours, "fits.getdata", theirs))
    show = Table("what", "per second", "peer", "per second", "ratio")
    for what, unit, ours, peer, theirs in results:
        show.add_row(what, f"{ours:,.0f} {unit}", peer, f"{theirs:,.0f}", f"{ours / theirs:.1f}")
    Console().print(show)
    if arguments.json:
        keys = ("what", "unit", "per_second", "peer", "peer_per_second")
        figures = [dict(zip(keys, result, strict=True)) for result in results]
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
