"""Values that the data suggest, for a person to weigh."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from preprocessing.settings import ImageSettings
from report.inspection.survey import BandSurvey

SIGMAS = 30.0
"""The suggested stretch, in sky noise."""

_PEDESTAL = 1.0  # sky level in sky noise from which it is no scatter


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
        Of the intensity, the mean of the three bands [flux units].
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
    1. The picture's intensity is the mean of three bands; where their sky noises `s` are independent, its own
       is ``sqrt(s1**2 + s2**2 + s3**2) / 3``. Each `s` is the median of the band's stamps.
    2. Lupton's curve is fixed so that a tenth of the stretch is shown at a tenth of full brightness, whatever
       Q. With a stretch of 30 times the noise, three sigma above the sky, where a pixel begins to be a
       detection, is shown at a tenth of full brightness, and one sigma at a thirtieth: the sky is dark but
       not clipped, and faint arms are seen.
    3. The minimum is 0 where the sky levels of all three bands are within their noise, otherwise the sky
       levels.
    """
    noises = np.array([survey[band].median("noise") for band in bands])
    skies = [survey[band].median("sky") for band in bands]
    noise = float(np.sqrt((noises**2).sum()) / 3)
    stretch = round_to(SIGMAS * noise, 2) if noise > 0 else math.nan
    raised = any(abs(sky) > _PEDESTAL * own > 0 for sky, own in zip(skies, noises, strict=True))
    red, green, blue = (round_to(sky, 3) if raised else 0.0 for sky in skies)
    return Suggestion(stretch, (red, green, blue), noise)


def brightness(intensity: np.ndarray, stretch: float, q: float) -> np.ndarray:
    """Return how bright Lupton's curve shows an intensity.

    Parameters
    ----------
    intensity : numpy.ndarray
        Mean of the three bands less their minima [flux units].
    stretch : float
        [flux units]
    q : float

    Returns
    -------
    numpy.ndarray
        0 black, 1 full brightness and above.
    """
    q = q or 0.1  # as preprocessing.lupton does
    return np.clip(np.arcsinh(intensity * q / stretch) * 0.1 / math.asinh(0.1 * q), 0.0, 1.0)


def full_scale(image: ImageSettings) -> float:
    """Return the intensity that is shown at full brightness [flux units]."""
    q = image.q or 0.1
    return image.stretch / q * math.sinh(min(10 * math.asinh(0.1 * q), 700.0))


def peak_intensities(survey: Mapping[str, BandSurvey], image: ImageSettings) -> np.ndarray:
    """Return the intensity of every object's peak, less the minima: shape (N,) [flux units]."""
    peaks = np.stack([survey[band].column("peak") for band in image.bands]).astype(np.float64)
    intensities = peaks.mean(axis=0) - np.mean(image.minima)
    return intensities[np.isfinite(intensities)]


def pedestals(survey: Mapping[str, BandSurvey]) -> dict[str, float]:
    """Return the sky level in units of its noise, of the bands where it is above the noise."""
    found = {}
    for band, measured in survey.items():
        sky, noise = measured.median("sky"), measured.median("noise")
        if noise > 0 and abs(sky) > _PEDESTAL * noise:
            found[band] = sky / noise
    return found


def flux_factors(peaks: Mapping[str, float], limit: float) -> dict[str, float]:
    """Return factors that would bring bands of very different scale together.

    Parameters
    ----------
    peaks : mapping of str to float
        Median peak of each band [flux units].
    limit : float
        Largest ratio to the middle band that a galaxy's colour may explain.

    Returns
    -------
    dict of str to float
        Powers of ten, for the bands that lie outside.
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
    """Round to so many significant digits; NaN and infinity stay."""
    return float(f"{value:.{digits}g}")
