"""From the numbers in a stamp to flux on one scale: background, zero point, and the level of saturation.

Pipelines write a number such as -999, 99 or NaN where a flux_scale failed. Numbers of headers are therefore
judged before they are used.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from astropy.stats import sigma_clip

from preprocessing.fits.header import Header
from preprocessing.settings import FACTOR_RANGE, LARGEST_ZERO_POINT

ZERO_POINT_KEYWORDS = ("MAGZERO", "MAGZPT", "MAGZP", "PHOTZP", "ZEROPNT", "ZP", "ZPT", "PHOT_ZP")
"""Where surveys write the magnitude of flux 1; the first that is there counts."""

SATURATION_KEYWORDS = ("SATURATE", "SATLEVEL")
"""Where surveys write the number from which a pixel is saturated; the first that is there counts."""

_NINES = frozenset(float(f"{nines}{rest}") for nines in ("99", "999", "9999") for rest in ("", ".9", ".99"))


class FluxScaleError(Exception):
    """A header lacks what the flux_scale needs, or states what cannot be; the message is one sentence."""


@dataclass(frozen=True)
class FluxScale:
    """How the numbers of a stamp become flux.

    Attributes
    ----------
    background : str
        ``"sigma_clip"`` subtracts the sky level; ``"none"`` takes it as subtracted.
    zero_points : str or mapping of str to float
        ``"none"``; ``"header"``; or the magnitude of flux 1 by band.
    reference_zero_point : float
        Magnitude of flux 1 after scaling.
    factors : mapping of str to float
        By band; 1 where absent.
    """

    background: str = "none"
    zero_points: str | Mapping[str, float] = "none"
    reference_zero_point: float = 22.5
    factors: Mapping[str, float] = field(default_factory=dict)

    def apply(self, image: np.ndarray, header: Header, band: str) -> tuple[np.ndarray, float]:
        """Calibrate one plane.

        Parameters
        ----------
        image : numpy.ndarray, float32, shape (H, W)
            The whole stamp [units of the file].
        header : Header
        band : str

        Returns
        -------
        flux : numpy.ndarray, float32, shape (H, W)
            ``(image - sky) * factor * 10 ** (-0.4 * (zero point - reference))``.
        factor : float
            What the numbers were multiplied with.

        Raises
        ------
        FluxScaleError
            If the zero point stands nowhere or is none, or the factor is out of `FACTOR_RANGE`.
        """
        factor = self._factor(header, band)
        if self.background == "sigma_clip":
            image = image - np.float32(sky_level(image))
        if factor != 1.0:
            # In float64: 1e-38 times 1e38 is a flux, though neither has a neighbour in float32.
            with np.errstate(over="ignore"):
                image = (image * np.float64(factor)).astype(np.float32)
        return image, factor

    def _factor(self, header: Header, band: str) -> float:
        factor = self.factors.get(band, 1.0)
        source = "[data] flux_factors"
        if self.zero_points != "none":
            if isinstance(self.zero_points, str):
                zero_point, source = _zero_point(header)
            elif band in self.zero_points:
                zero_point, source = self.zero_points[band], "[data] zero_points"
            else:
                raise FluxScaleError(f"[data] zero_points has none for band {band}")
            factor = float(factor * 10.0 ** (-0.4 * (zero_point - self.reference_zero_point)))
        if not FACTOR_RANGE[0] <= factor <= FACTOR_RANGE[1]:
            raise FluxScaleError(
                f"flux would be multiplied by {factor:.3g} by {source}; the limits are"
                f" {FACTOR_RANGE[0]:g} and {FACTOR_RANGE[1]:g}"
            )
        return factor


def _zero_point(header: Header) -> tuple[float, str]:
    """Return the zero point of a header, and the card that states it."""
    unread = []
    for keyword in ZERO_POINT_KEYWORDS:
        card = f"{keyword} = {header.spelling(keyword)}"
        zero_point = _number(header, keyword)
        if zero_point is None:
            unread += [card] if header.spelling(keyword) else []
        elif math.isfinite(zero_point) and abs(zero_point) <= LARGEST_ZERO_POINT:
            return zero_point, card
        else:
            raise FluxScaleError(
                f"{card} is no zero point: one lies between {-LARGEST_ZERO_POINT:g} and"
                f" {LARGEST_ZERO_POINT:g} mag"
            )
    if unread:
        raise FluxScaleError(f"no zero point in the header: {unread[0]} is no number")
    raise FluxScaleError(f"no zero point in the header (none of {', '.join(ZERO_POINT_KEYWORDS)})")


def saturation_level(header: Header) -> float | None:
    """Return the number from which a pixel is saturated, in the units of the file.

    Parameters
    ----------
    header : Header

    Returns
    -------
    float or None
        None where the header has none, or says 0 or some word for unknown.

    Raises
    ------
    FluxScaleError
        For a number that is no level: negative, infinite, NaN, or one of nines (99, 999.9, ...).
    """
    for keyword in SATURATION_KEYWORDS:
        level = _number(header, keyword)
        if level is None or level == 0:
            continue
        if not 0 < level < math.inf or level in _NINES:
            raise FluxScaleError(
                f"{keyword} = {header.spelling(keyword)} is no level of saturation; [data] max_saturated = 1"
                " accepts stamps without looking for saturated pixels"
            )
        return level
    return None


def _number(header: Header, keyword: str) -> float | None:
    """Return the number that a card states, also one in quotation marks or NaN; None if it is none."""
    number = header.number(keyword)
    if number is not None:
        return number
    try:
        return float(header.spelling(keyword).strip("' ").replace("D", "E").replace("d", "e"))
    except ValueError:
        return None


def sky_level(image: np.ndarray) -> float:
    """Return the level of the sky: the median after clipping at 3 sigma, as `astropy.stats.sigma_clip` does.

    Parameters
    ----------
    image : numpy.ndarray, shape (H, W)
        NaN and infinite pixels are left out.

    Returns
    -------
    float
        In the units of `image`; 0 if no pixel is finite.
    """
    pixels = image[np.isfinite(image)]
    if not pixels.size:
        return 0.0
    return float(np.median(sigma_clip(pixels, sigma=3.0, maxiters=5, masked=False)))
