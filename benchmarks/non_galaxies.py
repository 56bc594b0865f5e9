"""Stamps that surveys hold besides galaxies, made from the stamps of galaxies."""

import io
from collections.abc import Callable

import numpy as np
from astropy.visualization import make_lupton_rgb
from PIL import Image
from scipy.ndimage import gaussian_filter

from fetch.composites import inverse_lupton

_STRETCH, _Q, _JPEG_QUALITY = 3.0, 8.0, 75
_COLOUR = np.array([1.0, 0.7, 0.4])


def through_jpeg(flux: np.ndarray) -> np.ndarray:
    """Return flux as it comes back from a JPEG composite, as the stamps of the SDSS set did.

    Parameters
    ----------
    flux : ndarray, float32, shape (H, W, 3)
        Red first.

    Returns
    -------
    ndarray, float32, shape (H, W, 3)

    Notes
    -----
    Without this, whatever is made here could be told from the galaxies by the traces of compression that it
    lacks. The composites of the set have twice the resolution of the stamps.
    """
    picture = make_lupton_rgb(*np.moveaxis(np.nan_to_num(flux), -1, 0), stretch=_STRETCH, Q=_Q)
    file, size = io.BytesIO(), (picture.shape[1], picture.shape[0])
    larger = Image.fromarray(picture).resize((2 * size[0], 2 * size[1]), Image.Resampling.LANCZOS)
    larger.save(file, "JPEG", quality=_JPEG_QUALITY, subsampling=2)
    smaller = Image.open(file).convert("RGB").resize(size, Image.Resampling.LANCZOS)
    return np.moveaxis(inverse_lupton(np.asarray(smaller), stretch=_STRETCH, q=_Q), 0, -1)


def noise(galaxy: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Return sky of one to three times the noise in the corners of a stamp, smoothed by up to 1.2 pixels."""
    corner = len(galaxy) // 8
    corners = np.concatenate(
        [galaxy[rows, columns].reshape(-1, 3) for rows in _ends(corner) for columns in _ends(corner)]
    )
    level, spread = np.median(corners, axis=0), np.maximum(corners.std(axis=0), 0.01)
    width = random.uniform(0, 1.2)
    sky = gaussian_filter(random.normal(size=galaxy.shape), (width, width, 0))
    return (sky / sky.std() * spread * random.uniform(1, 3) + np.maximum(level, 0)).astype(np.float32)


def blank(galaxy: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Return zeros."""
    return np.zeros_like(galaxy)


def half_blank(galaxy: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Return the galaxy with 35 to 65 % of the stamp, from one edge, zero or NaN."""
    turned = np.rot90(galaxy, turns := int(random.integers(4))).copy()
    turned[: int(random.uniform(0.35, 0.65) * len(turned))] = random.choice([0.0, np.nan])
    return np.rot90(turned, -turns)


def star(galaxy: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Return a star on sky: a Moffat profile with a FWHM of 2.5 to 6 pixels."""
    profile = _moffat(len(galaxy), random.uniform(2.5, 6), 3.5, *random.uniform(-1, 1, 2))
    return noise(galaxy, random) + _coloured(random.lognormal(1, 1) * profile, random)


def saturated_star(galaxy: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Return a star that is cut off at the saturation level, with diffraction spikes and bleeding columns."""
    y, x = _offsets(len(galaxy))
    spikes = np.exp(-np.abs(x) / 25 - y**2 / 4.5) + np.exp(-np.abs(y) / 25 - x**2 / 4.5)
    light = _moffat(len(galaxy), random.uniform(3, 6), 2.5) * random.uniform(300, 5000)
    light = light + spikes * random.uniform(5, 50)
    level, middle, width = random.uniform(50, 300), len(galaxy) // 2, int(random.integers(1, 4))
    flux = np.minimum(_coloured(light, random), level)
    if random.random() < 0.5:
        flux[:, middle - width : middle + width] = level
    return noise(galaxy, random) + flux.astype(np.float32)


def trail(galaxy: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Return a satellite's trail across the galaxy, or across sky."""
    y, x = _offsets(len(galaxy))
    angle, shift = random.uniform(0, np.pi), random.uniform(-0.25, 0.25) * len(galaxy)
    distance = np.cos(angle) * x + np.sin(angle) * y - shift
    light = random.uniform(1, 30) * np.exp(-(distance**2) / 2 / random.uniform(0.8, 2) ** 2)
    ground = galaxy if random.random() < 0.5 else noise(galaxy, random)
    return ground + light[..., None].astype(np.float32)


def wrong_band_order(galaxy: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Return the galaxy with red and blue exchanged."""
    return galaxy[..., ::-1]


def ten_times(galaxy: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Return ten times the flux."""
    return galaxy * np.float32(10)


def a_tenth(galaxy: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Return a tenth of the flux."""
    return galaxy * np.float32(0.1)


def unchanged(galaxy: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Return the galaxy: the control, which nothing should tell from galaxies."""
    return galaxy


COMPRESSED: tuple[Callable, ...] = (unchanged, noise, star, saturated_star, trail)
"""Kinds that get new traces of compression."""

OTHERS: tuple[Callable, ...] = (blank, half_blank, wrong_band_order, ten_times, a_tenth)


def _ends(count: int) -> tuple[slice, slice]:
    return slice(None, count), slice(-count, None)


def _offsets(side: int) -> np.ndarray:
    return np.mgrid[:side, :side] - (side - 1) / 2


def _moffat(side: int, fwhm: float, beta: float, dx: float = 0.0, dy: float = 0.0) -> np.ndarray:
    y, x = _offsets(side)
    width = fwhm / 2 / np.sqrt(2 ** (1 / beta) - 1)
    return (1 + ((x - dx) ** 2 + (y - dy) ** 2) / width**2) ** -beta


def _coloured(light: np.ndarray, random: np.random.Generator) -> np.ndarray:
    return (light[..., None] * _COLOUR * random.uniform(0.6, 1.4, 3)).astype(np.float32)
