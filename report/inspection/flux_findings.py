"""Findings on sky level, flux scales and stretch."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from preprocessing.data_settings import DataSettings
from preprocessing.settings import ImageSettings
from report.inspection.advice import Suggestion, flux_factors, full_scale, peak_intensities, pedestals
from report.inspection.findings import Finding
from report.inspection.survey import BandSurvey, Survey

FAR_FROM_SUGGESTED = 10.0
"""Ratio of configured to suggested stretch beyond which pictures are black or saturated."""
SCALE_LIMIT = 100.0
"""Largest ratio of fluxes that galaxy colours can explain."""
_MANY_BRIGHT = 0.2
_UNUSED = "The picture does not use these bands."


def flux_findings(
    survey: Survey,
    peaks: Mapping[str, float],
    suggestion: Suggestion,
    image: ImageSettings,
    data: DataSettings,
) -> list[Finding]:
    """Check sky level, flux scales and stretch.

    Parameters
    ----------
    survey : Survey
    peaks : mapping of str to float
        Median peak of every band that was read, including those read only for the pictures [flux units].
    suggestion : Suggestion
    image : ImageSettings
    data : DataSettings

    Returns
    -------
    list of Finding
    """
    shown = {band: found for band, found in survey.bands.items() if band in image.bands}
    serious = misfits(survey, peaks, suggestion, image, data)
    # The network does not use the other bands, so findings on them are only notes.
    others = {band: found for band, found in survey.bands.items() if band not in image.bands}
    unused = [*_spread(others, data), *_sky(others, data)]
    if not _scale(_of(image.bands, peaks), data):
        unused = [*_scale(peaks, data), *unused]
    notes = [replace(finding, kind="note", text=f"{finding.text} {_UNUSED}") for finding in unused]
    return [*serious, *_sky(shown, data), *notes]


def misfits(
    survey: Survey,
    peaks: Mapping[str, float],
    suggestion: Suggestion,
    image: ImageSettings,
    data: DataSettings,
) -> list[Finding]:
    """Check flux scales and stretch of the picture's bands.

    Parameters and return value are as in `flux_findings`.
    """
    shown = {band: found for band, found in survey.bands.items() if band in image.bands}
    return [
        *_scale(_of(image.bands, peaks), data),
        *_spread(shown, data),
        *_stretch(survey.bands, suggestion, image),
    ]


def _of(bands: Sequence[str], peaks: Mapping[str, float]) -> dict[str, float]:
    return {band: peaks[band] for band in bands if band in peaks}


def _scale(peaks: Mapping[str, float], data: DataSettings) -> list[Finding]:
    factors = flux_factors(peaks, SCALE_LIMIT)
    if not factors:
        return []
    listed = ", ".join(f"{band} {peak:.2g}" for band, peak in peaks.items() if peak > 0)
    text = (
        "The flux scales of the bands differ by orders of magnitude, so one band would dominate the colour"
        f" picture. Median peaks: {listed}."
    )
    entries = ", ".join(f"{band} = {factor:g}" for band, factor in factors.items())
    remedy = (
        "Bring them to one scale: set [data] zero_points to those of the survey, or"
        f" [data] flux_factors = {{{entries}}}."
    )
    if data.flux_factors or data.zero_points != "none":
        remedy = "Check the configured [data] zero_points and flux_factors."
    return [Finding("warning", text, remedy)]


def _spread(bands: Mapping[str, BandSurvey], data: DataSettings) -> list[Finding]:
    """Find bands whose stamps differ in flux scale, for example stamps of two surveys."""
    ratios = {}
    for band, found in bands.items():
        noises = found.statistic("noise")
        if noises[noises > 0].size:
            low, high = np.percentile(noises[noises > 0], (5, 95))
            if high > SCALE_LIMIT * low:
                ratios[band] = high / low
    if not ratios:
        return []
    listed = ", ".join(f"{band} {ratio:.1g}" for band, ratio in ratios.items())
    text = (
        "The stamps of one band differ in flux scale, so no single stretch suits all of them. Ratio of the"
        f" 95th to the 5th percentile of the sky noise: {listed}."
    )
    remedy = 'For stamps of several surveys, [data] zero_points = "header" uses the zero point of each file.'
    if data.zero_points == "header":
        remedy = "Check the zero points in the headers."
    return [Finding("warning", text, remedy)]


def _sky(bands: Mapping[str, BandSurvey], data: DataSettings) -> list[Finding]:
    found = pedestals(bands)
    if not found:
        return []
    listed = ", ".join(f"{band} {ratio:+.1f}" for band, ratio in found.items())
    text = f"The sky is not at zero. Its median level in units of its noise: {listed}."
    remedy = 'Subtract it: [data] background = "sigma_clip".'
    if data.background != "none":
        remedy = (
            "The background is already subtracted, so the galaxies probably fill their stamps; larger stamps"
            " would help."
        )
    return [Finding("warning", text, remedy)]


def _stretch(bands: Mapping[str, BandSurvey], suggestion: Suggestion, image: ImageSettings) -> list[Finding]:
    findings = []
    ratio = image.stretch / suggestion.stretch
    if ratio > FAR_FROM_SUGGESTED or ratio < 1 / FAR_FROM_SUGGESTED:
        effect = "black pictures" if ratio > 1 else "noisy pictures with saturated galaxies"
        text = (
            f"[image] stretch = {image.stretch:g} is {ratio:.2g} times the value suggested by the sky noise,"
            f" {suggestion.stretch:g}: expect {effect}."
        )
        findings.append(
            Finding("warning", text, f"Try {suggestion.stretch:g}; galmorph inspect shows several.")
        )
    elif np.isnan(ratio) and any(bands[band].values.size for band in image.bands):
        text = (
            "The corners of most stamps have a single value. Without sky noise no stretch can be suggested."
        )
        findings.append(Finding("note", text))
    intensity = peak_intensities(bands, image)
    if intensity.size:
        share = float(np.mean(intensity > full_scale(image)))
        if share > _MANY_BRIGHT:
            text = f"The centres of {share:.0%} of the objects are saturated: their bulges show no structure."
            findings.append(Finding("note", text, "A larger [image] stretch or q avoids this."))
    return findings
