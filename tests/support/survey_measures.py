"""Colours and concentration of stamps: what a classifier without an eye for structure can see."""

import csv
from pathlib import Path

import numpy as np
from astropy.io import fits

RADII = np.arange(1.0, 46.0)
"""Apertures [pixels]."""


def read_rows(survey: Path) -> list[tuple[dict[str, str], dict[str, str]]]:
    """Return the rows of labels.csv and truth.csv, paired."""
    with (survey / "labels.csv").open(newline="") as labels, (survey / "truth.csv").open(newline="") as truth:
        return list(zip(csv.DictReader(labels), csv.DictReader(truth), strict=True))


def voted_class(row: dict[str, str]) -> str:
    """Return the class that a threshold of 0.8 on the votes gives."""
    if float(row["t01_smooth_or_features_a01_smooth_debiased"]) >= 0.8:
        return "elliptical"
    disc = float(row["t01_smooth_or_features_a02_features_or_disk_debiased"])
    arms = float(row["t04_spiral_a08_spiral_debiased"])
    return "spiral" if disc >= 0.8 and arms >= 0.8 else "uncertain"


def read_planes(survey: Path, name: str, bands: tuple[str, ...]) -> np.ndarray:
    """Return the stamps of one object, shape (len(bands), height, width)."""
    return np.stack([fits.getdata(survey / f"{band}_stamps" / f"{name}_{band}.fits") for band in bands])


def growth_curves(planes: np.ndarray) -> np.ndarray:
    """Return the flux within each of `RADII` about the centre, shape (bands, apertures)."""
    height, width = planes.shape[1:]
    y, x = np.indices((height, width))
    distance = np.hypot(x - (width - 1) / 2, y - (height - 1) / 2).ravel()
    order = np.argsort(distance)
    sums = np.cumsum(planes.reshape(len(planes), -1)[:, order], axis=1)
    return sums[:, np.searchsorted(distance[order], RADII, side="right") - 1]


def colour_and_concentration(planes: np.ndarray) -> np.ndarray:
    """Return u-g, g-r, r-i, r90/r50 and r80/r20 of planes in the order U G R I.

    Colours are instrumental magnitudes within the half-light radius; radii are those of the band R.
    """
    curves = growth_curves(planes)
    red = np.maximum.accumulate(curves[2])
    r20, r50, r80, r90 = (np.interp(share * red[-1], red, RADII) for share in (0.2, 0.5, 0.8, 0.9))
    fluxes = [np.interp(1.5 * r50, RADII, curve) for curve in curves]
    magnitudes = -2.5 * np.log10(np.maximum(fluxes, 1e-3))
    return np.array([*(magnitudes[:-1] - magnitudes[1:]), r90 / r50, r80 / r20])
