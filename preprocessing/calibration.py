"""From the numbers in a stamp to flux on one scale: background and zero point."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from astropy.stats import sigma_clip

from preprocessing.fits.header import Header

ZERO_POINT_KEYWORDS = ("MAGZERO", "MAGZPT", "MAGZP", "PHOTZP", "ZEROPNT", "ZP", "ZPT", "PHOT_ZP")
"""Where surveys write the magnitude of flux 1; the first that is there counts."""


class CalibrationError(Exception):
    """A header lacks what the calibration needs; the message is one sentence."""


@dataclass(frozen=True)
class Calibration:
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
        CalibrationError
            If the zero point stands nowhere.
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
        if self.zero_points == "none":
            return factor
        if isinstance(self.zero_points, str):
            found = (header.number(keyword) for keyword in ZERO_POINT_KEYWORDS)
            zero_point = next((number for number in found if number is not None), None)
            if zero_point is None:
                raise CalibrationError(
                    f"no zero point in the header (none of {', '.join(ZERO_POINT_KEYWORDS)})"
                )
        else:
            zero_point = self.zero_points.get(band)
            if zero_point is None:
                raise CalibrationError(f"[data] zero_points has none for band {band}")
        return float(factor * 10.0 ** (-0.4 * (zero_point - self.reference_zero_point)))


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
