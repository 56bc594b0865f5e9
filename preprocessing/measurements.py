"""Brightness, size and signal-to-noise of galaxies, measured on the flux that the model sees.

The catalogue compares them with those of the training galaxies, which Transform measures by the same code in
TensorFlow: every function takes the module of the array functions, ``numpy`` or
``tensorflow.experimental.numpy``.
"""

from functools import lru_cache
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

APERTURE = 1 / 8
"""Radius of the central aperture [side of the cut]."""

PETROSIAN_RATIO = 0.2
"""Surface brightness at the Petrosian radius, relative to the mean inside of it."""

PETROSIAN_APERTURE = 2
"""Radius within which all light is counted [Petrosian radii]."""

_INNER, _OUTER = 0.8, 1.25  # of the annulus of the surface brightness [its radius]
_FIRST_RADIUS = 2  # pixels; inside, pixels resolve no profile
_MAD_TO_SIGMA = 1.482602218505602  # of a normal distribution


class Measurements(NamedTuple):
    """Measurements of N galaxies; NaN where a galaxy has no pixel to measure.

    Attributes
    ----------
    signal_to_noise : array, float32, shape (N,)
        Flux in the central aperture over its noise.
    brightness : array, float32, shape (N,)
        Flux in the central aperture, summed over the bands [flux units of the model]; zero and negative for
        galaxies that are lost in the noise.
    half_light_radius : array, float32, shape (N,)
        Radius of half of the light [pixels]; NaN without light.
    """

    signal_to_noise: Any
    brightness: Any
    half_light_radius: Any


class _Geometry(NamedTuple):
    """What depends on the side of the cut only; K rings, each 1 pixel wide, fill the largest circle.

    Attributes
    ----------
    rings : ndarray, float32, shape (side**2, K)
        Share of each pixel that lies in each ring.
    areas : ndarray, float32, shape (K,)
        Of the rings [pixels].
    sky : ndarray of int, shape (S,)
        Pixels outside of the largest circle.
    aperture : int
        Number of rings in the central aperture.
    annuli : ndarray, float32, shape (K, M)
        From flux in rings to flux in the annuli of the Petrosian ratio, about the radii `_FIRST_RADIUS`,
        `_FIRST_RADIUS` + 1 ...
    """

    rings: np.ndarray
    areas: np.ndarray
    sky: np.ndarray
    aperture: int
    annuli: np.ndarray


def measure(flux: Any, xp: ModuleType = np) -> Measurements:
    """Measure galaxies in the middle of their cuts.

    Parameters
    ----------
    flux : array, float32, shape (N, side, side, B)
        Calibrated flux in B bands; blank pixels are NaN or infinite. The side is at least 8.
    xp : module
        ``numpy``, or ``tensorflow.experimental.numpy`` for tensors.

    Returns
    -------
    Measurements

    Notes
    -----
    All three are measured on the sum of the bands, in which a pixel is blank if it is blank in any band.

    - The sky level is the median of the pixels outside of the largest circle about the centre (the corners),
      their noise the scaled median absolute deviation.
    - The central aperture has a radius of `APERTURE` sides. With n pixels in it and s sky pixels of noise
      sigma, the noise of its flux is ``sigma * sqrt(n + n**2 / s * pi / 2)``: that of its pixels and of the
      sky level (Howell 1989; the variance of a median is pi / 2 times that of a mean). The photon noise of
      the galaxy is left out, because the gain is unknown. The noise of resampled stamps is correlated, and
      their signal-to-noise is overestimated.
    - The half-light radius is that of SDSS (Blanton et al. 2001; Strauss et al. 2002): light is counted
      within two Petrosian radii, at most up to the edge. It is not corrected for seeing, for neighbours in
      this aperture, or for a galaxy that is not in the middle.

    Blank pixels get the mean of their ring.

    References
    ----------
    Blanton, M. R. et al. (2001), AJ, 121, 2358. Howell, S. B. (1989), PASP, 101, 616.
    Strauss, M. A. et al. (2002), AJ, 124, 1810.
    """
    side = int(flux.shape[1])
    geometry = _geometry(side)
    bands = flux.shape[-1]
    # A product with ones: a sum over the last, short axis takes NumPy twenty times as long.
    white = xp.matmul(xp.reshape(flux, (-1, bands)), np.ones((bands, 1), np.float32))
    white = xp.reshape(white, (-1, side * side))
    good = xp.isfinite(white)
    level, noise, sky_pixels = _sky(white, good, geometry, xp)
    light, areas = white - level, geometry.areas
    if xp is np and good.all():
        in_rings = xp.matmul(light, geometry.rings)
    else:
        in_rings = xp.matmul(xp.where(good, light, np.float32(0)), geometry.rings)
        seen = xp.matmul(xp.asarray(good, dtype=np.float32), geometry.rings)
        in_rings = in_rings * (areas / xp.maximum(seen, np.float32(1e-3)))
    growth = xp.cumsum(in_rings, axis=1)

    pixels = float(areas[: geometry.aperture].sum())
    brightness = growth[:, geometry.aperture - 1]
    of_sky_level = np.float32(pixels**2 * np.pi / 2) / xp.maximum(sky_pixels, np.float32(1))
    error = noise * xp.sqrt(np.float32(pixels) + of_sky_level)
    nothing = xp.full_like(brightness, np.float32(np.nan))
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        ratio = brightness / error  # infinite without noise
    return Measurements(
        xp.where(sky_pixels > 0, ratio, nothing),
        xp.where(sky_pixels > 0, brightness, nothing),
        xp.where(sky_pixels > 0, _half_light_radius(in_rings, growth, geometry, xp), nothing),
    )


def _sky(white: Any, good: Any, geometry: _Geometry, xp: ModuleType) -> tuple[Any, Any, Any]:
    """Return level (N, 1), noise (N,) and number of pixels (N,) of the sky; zero without pixels."""
    good = xp.take(good, geometry.sky, axis=1)
    pixels = xp.where(good, xp.take(white, geometry.sky, axis=1), np.float32(np.inf))
    count = xp.sum(_whole(good, xp), axis=1)
    level = _median(pixels, count, xp)
    deviation = xp.abs(pixels - level)
    noise = _median(xp.where(good, deviation, np.float32(np.inf)), count, xp)[:, 0]
    return level, noise * np.float32(_MAD_TO_SIGMA), xp.asarray(count, dtype=np.float32)


def _median(values: Any, count: Any, xp: ModuleType) -> Any:
    """Return the medians (N, 1) of the first `count` values in ascending order; zero if there are none."""
    ordered = xp.sort(values, axis=1)
    upper = xp.take_along_axis(ordered, xp.minimum(count // 2, ordered.shape[1] - 1)[:, None], axis=1)
    lower = xp.take_along_axis(ordered, xp.maximum((count - 1) // 2, 0)[:, None], axis=1)
    return xp.where(count[:, None] > 0, (lower + upper) / np.float32(2), xp.zeros_like(lower))


def _half_light_radius(in_rings: Any, growth: Any, geometry: _Geometry, xp: ModuleType) -> Any:
    """Return the radii (N,) of half of the Petrosian flux; NaN if that is not positive.

    Parameters
    ----------
    in_rings, growth : array, float32, shape (N, K)
        Flux in each ring, and within its outer edge.
    geometry : _Geometry
    xp : module
    """
    areas, rings = geometry.areas, geometry.areas.size
    first, radii = _FIRST_RADIUS, geometry.annuli.shape[1]
    inside = growth[:, first - 1 : first - 1 + radii] / areas.cumsum()[first - 1 : first - 1 + radii]
    around = xp.matmul(in_rings, geometry.annuli) / (areas @ geometry.annuli)
    faint = around < np.float32(PETROSIAN_RATIO) * inside
    # A galaxy larger than its cut is measured up to the edge.
    petrosian = xp.where(xp.any(faint, axis=1), xp.argmax(_whole(faint, xp), axis=1) + first, rings)
    edge = xp.minimum(PETROSIAN_APERTURE * petrosian, rings)
    total = xp.take_along_axis(growth, edge[:, None] - 1, axis=1)
    beyond = growth >= total / np.float32(2)
    ring = xp.argmax(_whole(beyond, xp), axis=1)[:, None]
    outside, within = (xp.take_along_axis(each, ring, axis=1) for each in (growth, in_rings))
    # Within a ring, the light is spread evenly over its area.
    share = (total / np.float32(2) - (outside - within)) / xp.where(within > 0, within, xp.ones_like(within))
    inner = xp.asarray(ring, dtype=np.float32)
    square = inner * inner + share * (np.float32(2) * inner + np.float32(1))
    radius = xp.sqrt(xp.maximum(square, np.float32(0)))[:, 0]
    return xp.where(total[:, 0] > 0, radius, xp.full_like(radius, np.float32(np.nan)))


def _whole(values: Any, xp: ModuleType) -> Any:
    return xp.asarray(values, dtype=np.int64)


@lru_cache(maxsize=4)
def _geometry(side: int) -> _Geometry:
    offsets = np.arange(side) - (side - 1) / 2
    distance = np.hypot(*np.meshgrid(offsets, offsets)).reshape(-1)
    rings = side // 2
    edges = np.arange(rings + 1)
    # A pixel lies within a circle by how far its centre lies inside, in steps from 0 to 1.
    within = np.clip(edges + 0.5 - distance[:, None], 0, 1) * (edges > 0)
    radii = np.arange(_FIRST_RADIUS, int(rings / _OUTER) + 1)
    annuli = np.stack(
        [_covered(_OUTER * radius, rings) - _covered(_INNER * radius, rings) for radius in radii]
    )
    shares = np.diff(within, axis=1).astype(np.float32)
    return _Geometry(
        shares,
        shares.sum(axis=0),
        np.flatnonzero(distance >= side / 2),
        max(_FIRST_RADIUS, round(side * APERTURE)),
        annuli.T.astype(np.float32),
    )


def _covered(radius: float, rings: int) -> np.ndarray:
    """Return the share of each ring that lies within a circle."""
    inner = np.arange(rings)
    return np.clip((radius**2 - inner**2) / (2 * inner + 1), 0, 1)
