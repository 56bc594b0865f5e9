"""Coordinate systems of headers, by `astropy.wcs`."""

import math
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from astropy import log
from astropy.coordinates import ICRS, SkyCoord
from astropy.io import fits
from astropy.wcs import WCS
from astropy.wcs.utils import wcs_to_celestial_frame
from numpy.typing import NDArray

from preprocessing.fits.header import Header

_EXPONENT = re.compile(r"(.{8}= *[+-]?[\d.]+)[Dd](?=[+-]?\d)")


def pixel_by_astropy(cards: bytes, ra: float, dec: float) -> tuple[float, float] | None:
    """Return the pixel of a position with `astropy.wcs`, in this process. Some headers crash it.

    Parameters
    ----------
    cards : bytes
        Cards of the header.
    ra, dec : float
        ICRS [deg].

    Returns
    -------
    (float, float) or None
        See `preprocessing.sky_position.pixel_of`.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            system = WCS(_with_plain_exponents(Header(cards).parsed)).celestial
            if np.linalg.det(system.pixel_scale_matrix) == 0:
                return None
            place = SkyCoord(ra, dec, unit="deg")
            try:
                x, y = system.world_to_pixel(place)
            except Exception:
                if not system.has_distortion:
                    raise
                # Far off the image a distortion has no inverse. Without it, the position is off as well.
                system.sip = system.cpdis1 = system.cpdis2 = system.det2im1 = system.det2im2 = None
                x, y = system.world_to_pixel(place)
    except Exception:  # astropy cannot read the coordinate system, so the position cannot be checked
        return None
    return (float(x), float(y)) if math.isfinite(x) and math.isfinite(y) else (math.inf, math.inf)


Angles = NDArray[np.float64]

_CLOSE = 1e-4  # pixels to which the inverse of a distortion is computed
_CONFIRMED = 0.01  # pixels by which the way back may differ
_NEWTON_STEPS = 12


class SkySystem:
    """The coordinate system of an image, by `astropy.wcs`, in this process. Some headers crash it.

    Parameters
    ----------
    cards : bytes
        Cards of the header.

    Raises
    ------
    Exception
        Of many kinds, if astropy cannot read it.
    """

    def __init__(self, cards: bytes) -> None:
        with warnings.catch_warnings(), _without_advice():
            warnings.simplefilter("ignore")
            self._wcs = WCS(_with_plain_exponents(Header(cards).parsed)).celestial
            if self._wcs.naxis != 2:
                raise ValueError("it has no two celestial axes")
            if np.linalg.det(self._wcs.pixel_scale_matrix) == 0:
                raise ValueError("its matrix is singular")
            self._frame = wcs_to_celestial_frame(self._wcs)

    def pixels(self, ra: Angles, dec: Angles) -> tuple[Angles, Angles]:
        """Return the pixels of positions.

        Parameters
        ----------
        ra, dec : numpy.ndarray, float64
            ICRS [deg].

        Returns
        -------
        x, y : numpy.ndarray, float64
            (0, 0) is the centre of the first pixel. NaN for positions that have none: outside the range of
            the projection, or so far off the image that a distortion has no inverse.
        """
        if not isinstance(self._frame, ICRS):
            place = SkyCoord(ra, dec, unit="deg").transform_to(self._frame).spherical
            ra, dec = place.lon.deg, place.lat.deg
        longitude, latitude = self._wcs.wcs.lng, self._wcs.wcs.lat
        world = np.empty((len(ra), 2))
        world[:, longitude], world[:, latitude] = ra, dec
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            pixels = np.full((len(ra), 2), np.nan)
            known = np.isfinite(world).all(axis=1)
            pixels[known] = self._from_world(world[known])
        return pixels[:, 0], pixels[:, 1]

    def _from_world(self, world: Angles) -> Angles:
        if not len(world):
            return world
        if not self._wcs.has_distortion:
            pixels: Angles = self._wcs.wcs_world2pix(world, 0)
            return pixels
        pixels = self._wcs.all_world2pix(world, 0, tolerance=_CLOSE, maxiter=50, adaptive=True, quiet=True)
        # Where the distortion is strong, the iteration may end anywhere, so the way back decides.
        target = self._wcs.wcs_world2pix(world, 0)
        lost = ~(self._misses(pixels, target) < _CONFIRMED)
        if lost.any():
            pixels[lost] = self._by_newton(target[lost])
        return pixels

    def _undistorted(self, pixels: Angles) -> Angles:
        """Return the pixels that would show the same positions without distortion."""
        found: Angles = self._wcs.wcs_world2pix(self._wcs.all_pix2world(pixels, 0), 0)
        return found

    def _step(self, pixels: Angles, half: Angles) -> Angles:
        """Return by how much undistorted pixels differ for a step of one pixel."""
        step: Angles = self._undistorted(pixels + half) - self._undistorted(pixels - half)
        return step.T

    def _misses(self, pixels: Angles, target: Angles) -> Angles:
        return np.hypot(*(self._undistorted(pixels) - target).T)

    def _by_newton(self, target: Angles) -> Angles:
        """Return the pixels whose undistorted ones are `target`; NaN where Newton's method finds none."""
        pixels = target.copy()
        for _ in range(_NEWTON_STEPS):
            here = self._undistorted(pixels)
            a, c = self._step(pixels, np.array([0.5, 0.0]))
            b, d = self._step(pixels, np.array([0.0, 0.5]))
            u, v = (target - here).T
            pixels += np.column_stack([d * u - b * v, a * v - c * u]) / (a * d - b * c)[:, None]
        pixels[~(self._misses(pixels, target) < _CONFIRMED)] = np.nan
        return pixels

    def positions(self, x: Angles, y: Angles) -> tuple[Angles, Angles]:
        """Return ICRS positions of pixels [deg]: right ascension from 0 to 360, declination; or NaN."""
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            world = self._wcs.all_pix2world(np.column_stack([x, y]), 0)
        ra, dec = world[:, self._wcs.wcs.lng], world[:, self._wcs.wcs.lat]
        if not isinstance(self._frame, ICRS):
            place = SkyCoord(ra, dec, unit="deg", frame=self._frame).icrs
            ra, dec = place.ra.deg, place.dec.deg
        return np.asarray(ra) % 360, np.asarray(dec)


@contextmanager
def _without_advice() -> Iterator[None]:
    """Keep astropy from printing, for each field, that a header has SIP terms but no -SIP."""
    level = log.level
    log.setLevel("WARNING")
    try:
        yield
    finally:
        log.setLevel(level)


def compared_by_astropy(cards: bytes, other: bytes, x: Angles, y: Angles) -> tuple[Angles, ...]:
    """Return positions of pixels, and the pixels of another system there. Some headers crash astropy.

    Parameters
    ----------
    cards, other : bytes
        Cards of two headers, which may be the same.
    x, y : numpy.ndarray, float64
        Pixels of the first.

    Returns
    -------
    ra, dec : numpy.ndarray, float64
        ICRS [deg].
    other_x, other_y : numpy.ndarray, float64
        Pixels of the second; see `SkySystem.pixels`.

    Raises
    ------
    Exception
        Of many kinds, if astropy cannot read a system.
    """
    positions = SkySystem(cards).positions(x, y)
    return *positions, *SkySystem(other).pixels(*positions)


def _with_plain_exponents(header: fits.Header) -> fits.Header:
    """Write 1.5D-04 as 1.5E-04, because the wcslib of astropy 8 reads the former as 1.5."""
    cards = [_EXPONENT.sub(r"\1E", card.image, count=1) for card in header.cards]
    return fits.Header.fromstring("".join(cards))
