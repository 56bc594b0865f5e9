"""Suggested values for stretch, black levels and flux factors, derived from the data."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from preprocessing.settings import ImageSettings
from report.inspection.survey import BandSurvey

SIGMAS = 30.0
"""The suggested stretch, in units of the sky noise."""

_PEDESTAL = 1.0  # sky level, in units of the sky noise, above which it is more than scatter


@dataclass(frozen=True)
class Suggestion:
    """A stretch and black levels that fit the noise.

    Attributes
    ----------
    stretch : float
        [flux units]; NaN if no noise could be measured.
    minimum : tuple of 3 floats
        Red first [flux units].
    noise : float
        Sky noise of the intensity, which is the mean of the three bands [flux units].
    """

    stretch: float
    minimum: tuple[float, float, float]
    noise: float


def suggest(bands: Sequence[str], survey: Mapping[str, BandSurvey]) -> Suggestion:
    """Suggest stretch and minimum for a picture.

    Parameters
    ----------
    bands : sequence of 3 str
        Red first.
    survey : mapping of str to BandSurvey

    Returns
    -------
    Suggestion

    Notes
    -----
    1. The picture's intensity is the mean of three bands. If their sky noises `s` are independent, the noise
       of the intensity is ``sqrt(s1**2 + s2**2 + s3**2) / 3``. Each `s` is the median of the band's stamps.
    2. Lupton's curve shows a tenth of the stretch at a tenth of full brightness, for any Q. With a stretch of
       30 times the noise, an intensity of three sigma, about the detection limit of a pixel, is shown at a
       tenth of full brightness and one sigma at a thirtieth: the sky is dark but not clipped, and faint arms
       are visible.
    3. The minimum is 0 if the sky levels of all three bands are within their noise, otherwise the sky levels.
    """
    noises = np.array([survey[band].median("noise") for band in bands])
    skies = [survey[band].median("sky") for band in bands]
    noise = float(np.sqrt((noises**2).sum()) / 3)
    stretch = round_to(SIGMAS * noise, 2) if noise > 0 else math.nan
    raised = any(abs(sky) > _PEDESTAL * own > 0 for sky, own in zip(skies, noises, strict=True))
    red, green, blue = (round_to(sky, 3) if raised else 0.0 for sky in skies)
    return Suggestion(stretch, (red, green, blue), noise)


def brightness(intensity: np.ndarray, stretch: float, q: float) -> np.ndarray:
    """Return the brightness at which Lupton's curve shows an intensity.

    Parameters
    ----------
    intensity : numpy.ndarray
        Mean of the three bands minus their minima [flux units].
    stretch : float
        [flux units]
    q : float

    Returns
    -------
    numpy.ndarray
        0 is black, 1 is full brightness.
    """
    q = q or 0.1  # as preprocessing.lupton does
    return np.clip(np.arcsinh(intensity * q / stretch) * 0.1 / math.asinh(0.1 * q), 0.0, 1.0)


def full_scale(image: ImageSettings) -> float:
    """Return the intensity that is shown at full brightness [flux units]."""
    q = image.q or 0.1
    return image.stretch / q * math.sinh(min(10 * math.asinh(0.1 * q), 700.0))


def peak_intensities(survey: Mapping[str, BandSurvey], image: ImageSettings) -> np.ndarray:
    """Return the intensity of every object's peak minus the minima: shape (N,) [flux units]."""
    peaks = np.stack([survey[band].column("peak") for band in image.bands]).astype(np.float64)
    intensities = peaks.mean(axis=0) - np.mean(image.minima)
    return intensities[np.isfinite(intensities)]


def pedestals(survey: Mapping[str, BandSurvey]) -> dict[str, float]:
    """Return the sky level in units of the sky noise, for the bands where it exceeds the noise."""
    found = {}
    for band, measured in survey.items():
        sky, noise = measured.median("sky"), measured.median("noise")
        if noise > 0 and abs(sky) > _PEDESTAL * noise:
            found[band] = sky / noise
    return found


def flux_factors(peaks: Mapping[str, float], limit: float) -> dict[str, float]:
    """Return factors that bring bands of very different flux scales together.

    Parameters
    ----------
    peaks : mapping of str to float
        Median peak of each band [flux units].
    limit : float
        Largest ratio to the middle band that galaxy colours can explain.

    Returns
    -------
    dict of str to float
        Powers of ten, for the bands beyond `limit`.
    """
    known = {band: peak for band, peak in peaks.items() if peak > 0}
    if not known:
        return {}
    middle = float(np.percentile(np.log10(list(known.values())), 50, method="lower"))
    offsets = {band: math.log10(peak) - middle for band, peak in known.items()}
    return {
        band: 10.0 ** -round(offset) for band, offset in offsets.items() if abs(offset) > math.log10(limit)
    }


def round_to(value: float, digits: int) -> float:
    """Round to a number of significant digits; NaN and infinity are returned unchanged."""
    return float(f"{value:.{digits}g}")
