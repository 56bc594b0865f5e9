"""Cutting stamps from a field image, compared with reading individual stamps.

    python -m benchmarks.fields [--side 11000] [--objects 5000] [--stamps 300] [--json FILE]

Writes a simulated field of 11,000 x 11,000 pixels in three bands to a temporary folder, compressed as fpack
does (Rice, one tile a row, a quarter of the noise as step, dithered), and compressed stamps of 200 x 200
pixels of some of its objects. It measures, with a warm file cache and in one process each, seconds of the
processor, so that other work of the machine does not count:

- per object, to cut all objects from the field, in chunks of 1,024 as `galmorph classify` does;
- per object, of `astropy.io.fits.getdata` on three compressed stamps, without cut or checks;
- the same of our reader of stamps, with cut and checks;
- where the time goes: Rice decoding, floats from integers, the rest;
- the largest resident memory of the process that cuts.
"""

import argparse
import json
import multiprocessing
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
from astropy.io import fits
from rich.console import Console
from rich.table import Table

from catalog.fields.input import fields_input
from catalog.objects import Input
from preprocessing.fits import tiles
from serving.predict.description import Description

BANDS = ("I", "R", "G")
CUT, STAMP = 128, 200
NOISE, LEVEL = 10.0, 4.0  # of the pixels; and by how much the step of the integers is smaller
_SCALE = 0.55 / 3600


def description() -> Description:
    """Return the description of a model that takes the cut as it is."""
    flux = {"background": "none", "zero_points": "none", "reference_zero_point": 22.5, "flux_factors": {}}
    limits = {"max_blank": 0.2, "max_saturated": 0.05, "max_offset": 0.25, "cube_bands": [], "cubes": False}
    return Description(BANDS, CUT, flux, limits, ())


def write_survey(folder: Path, side: int, objects: int, stamps: int) -> None:
    """Write the field, its tables, and stamps of the first objects."""
    random = np.random.default_rng(0)
    x, y = random.uniform(STAMP, side - STAMP, (2, objects))
    cards = header(side)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for band in BANDS:
            image = random.standard_normal((side, side), dtype=np.float32) * NOISE
            add_galaxies(image, x, y, random)
            write_compressed(folder / f"field_{band}.fits.fz", image, cards)
            for number in range(stamps):
                top, left = (int(np.floor(axis[number] + 0.5)) - STAMP // 2 for axis in (y, x))
                part = image[top : top + STAMP, left : left + STAMP]
                write_compressed(folder / f"o{number}_{band}.fits.fz", part, cards)
    rows = [f"F1,{band},field_{band}.fits.fz" for band in BANDS]
    (folder / "fields.csv").write_text("\n".join(["field,band,path", *rows]))
    rows = [f"o{number},F1,{x[number] + 1},{y[number] + 1}" for number in range(objects)]
    (folder / "sources.csv").write_text("\n".join(["name,field,x,y", *rows]))


def header(side: int) -> fits.Header:
    """Return a header of about the length of a survey's."""
    cards = fits.Header({"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRVAL1": 10.0, "CRVAL2": -1.0})
    cards["CRPIX1"] = cards["CRPIX2"] = (side + 1) / 2
    cards["CD1_1"], cards["CD2_2"] = -_SCALE, _SCALE
    cards["SATURATE"] = 60000.0
    for index in range(80):
        cards[f"KEY{index}"] = (index * 1.5, "one of many")
    return cards


def add_galaxies(image: np.ndarray, x: np.ndarray, y: np.ndarray, random: np.random.Generator) -> None:
    """Add round exponential profiles."""
    grid = np.arange(-32, 33, dtype=np.float32)
    radius = np.hypot(*np.meshgrid(grid, grid))
    for column, row in zip(x.astype(int), y.astype(int), strict=True):
        profile = random.uniform(20, 2000) * np.exp(-radius / random.uniform(2, 8))
        image[row - 32 : row + 33, column - 32 : column + 33] += profile.astype(np.float32)


def write_compressed(path: Path, image: np.ndarray, cards: fits.Header) -> None:
    """Write an image into extension 1, as fpack does."""
    hdu = fits.CompImageHDU(image, cards, compression_type="RICE_1", quantize_level=LEVEL, quantize_method=1)
    fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(path)


def planned(folder: Path) -> Input:
    """Return the objects in their field."""
    return fields_input(folder / "fields.csv", folder / "sources.csv", description())


def cut_all(source: Input) -> int:
    """Cut all objects, in chunks and batches like those of the command; return how many were cut."""
    count = 0
    objects: pa.Table = source.objects
    for start in range(0, len(objects), 1024):
        for batch in source.reader(objects.slice(start, 1024), 64):
            count += len(batch.good)
    return count


def cut_field(folder: Path) -> dict[str, float]:
    """Cut all objects, and return seconds and memory."""
    started = time.process_time()
    source = planned(folder)
    planning = time.process_time() - started
    started, clock = time.process_time(), time.perf_counter()
    count = cut_all(source)
    seconds, wall = time.process_time() - started, time.perf_counter() - clock
    assert count == len(source.objects), (count, len(source.objects))
    return {
        "planning_seconds": planning,
        "cutting_seconds": seconds,
        "cutting_wall_seconds": wall,
        "objects": count,
        "peak_gib": peak_gib(),
    }


def peak_gib() -> float:
    """Return the largest resident memory of this process; not `ru_maxrss`, which begins with the parent's."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 2**20


def parts_of_cutting(folder: Path) -> dict[str, float]:
    """Return how long the parts of cutting take, measured around the compiled functions."""
    spent = {"rice": 0.0, "unquantize": 0.0}

    def timed(function: Callable[..., bytes], name: str) -> Callable[..., bytes]:
        def run(*arguments: object) -> bytes:
            started = time.process_time()
            found = function(*arguments)
            spent[name] += time.process_time() - started
            return found

        return run

    tiles.decompress_rice_1_c = timed(tiles.decompress_rice_1_c, "rice")
    tiles.unquantize_float_c = timed(tiles.unquantize_float_c, "unquantize")
    total = cut_field(folder)["cutting_seconds"]
    return {f"{name}_share": seconds / total for name, seconds in spent.items()}


def read_stamps(folder: Path, stamps: int) -> dict[str, float]:
    """Return the seconds of astropy and of our reader for an object with a stamp in each band."""
    started = time.process_time()
    for number in range(stamps):
        for band in BANDS:
            fits.getdata(folder / f"o{number}_{band}.fits.fz")
    astropy = (time.process_time() - started) / stamps
    reader = description().reader(str(folder / "{name}_{band}.fits.fz"))
    started = time.process_time()
    for number in range(stamps):
        reader.read(f"o{number}")
    ours = (time.process_time() - started) / stamps
    return {"getdata_seconds": astropy, "stamp_reader_seconds": ours}


def check(folder: Path, stamps: int) -> None:
    """Check that the stamps of the field are those of the files, but for the dither of another tile."""
    source = planned(folder)
    reader = description().reader(str(folder / "{name}_{band}.fits.fz"))
    first = source.objects.filter(pa.compute.less(source.objects.column("row"), min(stamps, 20)))
    names = dict(zip(first.column("row").to_pylist(), first.column("name").to_pylist(), strict=True))
    for batch in source.reader(first, 64):
        for row, flux in zip(batch.good.tolist(), batch.flux, strict=True):
            stamp = reader.read(names[row])
            for place, band in enumerate(BANDS):
                difference = np.abs(flux[:, :, place] - stamp.planes[band].flux).max()
                assert difference < 2 * NOISE / LEVEL, (names[row], band, difference)


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--side", type=int, default=11_000)
    parser.add_argument("--objects", type=int, default=5_000)
    parser.add_argument("--stamps", type=int, default=300)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        write_survey(folder, options.side, options.objects, options.stamps)
        check(folder, options.stamps)
        found: dict[str, float] = {}
        for task in (cut_field, parts_of_cutting):
            with context.Pool(1) as pool:  # a process of its own, for the memory
                found |= pool.apply(task, (folder,))
        with context.Pool(1) as pool:
            found |= pool.apply(read_stamps, (folder, options.stamps))
        found["field_mib"] = (folder / "field_I.fits.fz").stat().st_size / 2**20
    each = found["cutting_seconds"] / found["objects"]
    found |= {
        "seconds_per_object": each,
        "times_faster_than_getdata": found["getdata_seconds"] / each,
        "times_faster_than_stamp_reader": found["stamp_reader_seconds"] / each,
    }
    table = Table("measured", "value", title=f"{options.objects:,} objects of {options.side:,} pixels a side")
    for name, value in found.items():
        table.add_row(name, f"{value:.4g}")
    Console().print(table)
    if options.json:
        options.json.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
