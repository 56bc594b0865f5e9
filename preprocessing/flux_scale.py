"""Convert pixel values to flux: background, zero point, factors. Read the saturation level.

Survey pipelines write a number such as -999, 99 or NaN into the header if a calibration failed. Numbers of
headers are therefore checked before they are used.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from astropy.stats import sigma_clip

from preprocessing.fits.header import Header
from preprocessing.settings import FACTOR_RANGE, LARGEST_ZERO_POINT

ZERO_POINT_KEYWORDS = ("MAGZERO", "MAGZPT", "MAGZP", "PHOTZP", "ZEROPNT", "ZP", "ZPT", "PHOT_ZP")
"""Keywords of the magnitude of flux 1; the first that is present counts."""

SATURATION_KEYWORDS = ("SATURATE", "SATLEVEL")
"""Keywords of the value from which a pixel is saturated; the first that is present counts."""

SKY_SIGMA, SKY_CLIPPINGS = 3.0, 5  # by which the sky level is clipped, and how many times
NINES = frozenset(float(f"{nines}{rest}") for nines in ("99", "999", "9999") for rest in ("", ".9", ".99"))


class FluxScaleError(Exception):
    """A header lacks a needed value, or has an impossible one. The message is one sentence."""


@dataclass(frozen=True)
class FluxScale:
    """The conversion of pixel values to flux.

    Attributes
    ----------
    background : str
        ``"sigma_clip"`` subtracts the sky level; ``"none"`` subtracts nothing.
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

    @classmethod
    def of(cls, rules: Mapping[str, Any]) -> "FluxScale":
        """Return the conversion by `DataSettings.flux`, which exported models record as ``flux``."""
        return cls(
            rules["background"], rules["zero_points"], rules["reference_zero_point"], rules["flux_factors"]
        )

    def apply(self, image: np.ndarray, header: Header, band: str) -> tuple[np.ndarray, float]:
        """Convert one plane to flux.

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
            The factor that the pixel values were multiplied by.

        Raises
        ------
        FluxScaleError
            If there is no valid zero point, or the factor is out of `FACTOR_RANGE`.
        """
        factor = self.factor(header, band)
        return self.scaled(image, factor), factor

    def scaled(self, image: np.ndarray, factor: float) -> np.ndarray:
        """Return the flux of one plane, for a factor that `factor` has given."""
        if self.background == "sigma_clip":
            image = image - np.float32(sky_level(image))
        if factor != 1.0:
            # In float64, because factors such as 1e38 are at the limits of float32.
            with np.errstate(over="ignore"):
                image = (image * np.float64(factor)).astype(np.float32)
        return image

    def factor(self, header: Header, band: str) -> float:
        """Return the factor that pixel values are multiplied by; raise `FluxScaleError` as `apply` does."""
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
                f"{card} is not a zero point, which lies between {-LARGEST_ZERO_POINT:g} and"
                f" {LARGEST_ZERO_POINT:g} mag"
            )
    if unread:
        raise FluxScaleError(f"no zero point in the header: {unread[0]} is not a number")
    raise FluxScaleError(f"no zero point in the header (none of {', '.join(ZERO_POINT_KEYWORDS)})")


def saturation_level(header: Header) -> float | None:
    """Return the value from which a pixel is saturated, in the units of the file.

    Parameters
    ----------
    header : Header

    Returns
    -------
    float or None
        None if the header has none, or has 0 or a word for unknown.

    Raises
    ------
    FluxScaleError
        For an impossible number: negative, infinite, NaN, or one of nines (99, 999.9, ...).
    """
    for keyword in SATURATION_KEYWORDS:
        level = _number(header, keyword)
        if level is None or level == 0:
            continue
        if not 0 < level < math.inf or level in NINES:
            raise FluxScaleError(
                f"{keyword} = {header.spelling(keyword)} is not a saturation level; [data] max_saturated = 1"
                " accepts stamps without a check for saturated pixels"
            )
        return level
    return None


def _number(header: Header, keyword: str) -> float | None:
    """Return the number in a card, also NaN or a number in quotation marks; None if it is not a number."""
    number = header.number(keyword)
    if number is not None:
        return number
    try:
        return float(header.spelling(keyword).strip("' ").replace("D", "E").replace("d", "e"))
    except ValueError:
        return None


def sky_level(image: np.ndarray) -> float:
    """Return the sky level: the median after clipping at 3 sigma, as with `astropy.stats.sigma_clip`.

    Parameters
    ----------
    image : numpy.ndarray, shape (H, W)
        NaN and infinite pixels are left out.

    Returns
    -------
    float
        In the units of `image`; 0 if no pixel is finite.
    """
    pixels = image[np.isfinite(image)].astype(np.float64)  # the variance of a stray 1e25 is no float32
    if not pixels.size:
        return 0.0
    return float(np.median(sigma_clip(pixels, sigma=SKY_SIGMA, maxiters=SKY_CLIPPINGS, masked=False)))
