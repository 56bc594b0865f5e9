"""Small field images with coordinate systems, and the tables that list them."""

import csv
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
from astropy.io import fits
from astropy.wcs import WCS

from serving.predict.description import Description

BANDS = ("I", "R", "G")
SCALE = 0.55 / 3600


def description(side: int = 16, bands: tuple[str, ...] = BANDS, **settings) -> Description:
    """Return the description of a model; settings are those of [data] that it records."""
    flux = {
        "background": "none",
        "zero_points": "none",
        "reference_zero_point": 22.5,
        "flux_factors": {},
    }
    limits = {"max_blank": 0.2, "max_saturated": 0.05, "max_offset": 0.25, "cube_bands": [], "cubes": False}
    for values in (flux, limits):
        values.update({name: settings.pop(name) for name in list(settings) if name in values})
    assert not settings
    return Description(bands, side, flux, limits, ())


def header(
    ra: float, dec: float, shape: tuple[int, int], shift: float = 0.0, angle: float = 0.0, **cards
) -> fits.Header:
    """Return a gnomonic system whose reference point is the middle of the image."""
    found = fits.Header({"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRVAL1": ra, "CRVAL2": dec})
    found["CRPIX1"], found["CRPIX2"] = (shape[1] + 1) / 2 + shift, (shape[0] + 1) / 2
    cosine, sine = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    found["CD1_1"], found["CD1_2"] = -SCALE * cosine, SCALE * sine
    found["CD2_1"], found["CD2_2"] = SCALE * sine, SCALE * cosine
    found["CUNIT1"] = found["CUNIT2"] = "deg"
    found["RADESYS"] = "ICRS"
    for key, value in cards.items():
        found[key.replace("__", "-")] = value
    return found


def pixels(shape: tuple[int, int], seed: int) -> np.ndarray:
    """Return noise, in which every window differs."""
    return np.random.default_rng(seed).normal(5, 2, shape).astype("f4")


def write_image(
    path: Path, image: np.ndarray, cards: fits.Header | None, compression: str = "RICE_1"
) -> Path:
    """Write an image as fpack does, or uncompressed into the primary HDU."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if compression:
            hdu = fits.CompImageHDU(image, cards, compression_type=compression, quantize_method=1)
            fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(path, overwrite=True)
        else:
            fits.PrimaryHDU(image, cards).writeto(path, overwrite=True)
    return path


def read_by_astropy(path: Path) -> tuple[np.ndarray, WCS]:
    """Return the last image of a file, and its coordinate system."""
    with fits.open(path) as hdus, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return hdus[-1].data.astype("f4"), WCS(hdus[-1].header)


def write_table(path: Path, rows: Iterable[Mapping[str, object]]) -> Path:
    """Write a CSV table; the columns are those of the first row."""
    rows = list(rows)
    with open(path, "w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def write_field(
    folder: Path,
    name: str,
    cards: fits.Header | None,
    shape: tuple[int, int] = (120, 150),
    bands: tuple[str, ...] = BANDS,
    compression: str = "RICE_1",
    seed: int = 0,
) -> list[dict[str, object]]:
    """Write the images of a field, and return its rows of the table."""
    rows: list[dict[str, object]] = []
    for number, band in enumerate(bands):
        path = folder / "images" / f"{name}_{band}.fits"
        write_image(path, pixels(shape, 10 * seed + number), cards, compression)
        rows.append({"field": name, "band": band, "path": f"images/{path.name}"})
    return rows
