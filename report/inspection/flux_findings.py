"""What a person should know of sky, scales and stretch, in sentences."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from preprocessing.data_settings import DataSettings
from preprocessing.settings import ImageSettings
from report.inspection.advice import Suggestion, flux_factors, full_scale, peak_intensities, pedestals
from report.inspection.findings import Finding
from report.inspection.survey import BandSurvey, Survey

FAR_FROM_SUGGESTED = 10.0
"""Ratio of configured and suggested stretch beyond which pictures are black or white."""
SCALE_LIMIT = 100.0
"""Ratio of fluxes that galaxies' colours do not explain."""
_MANY_BRIGHT = 0.2
_IDLE = "This concerns bands that the picture does not use."


def flux_findings(
    survey: Survey,
    peaks: Mapping[str, float],
    suggestion: Suggestion,
    image: ImageSettings,
    data: DataSettings,
) -> list[Finding]:
    """Judge sky, scales and stretch.

    Parameters
    ----------
    survey : Survey
    peaks : mapping of str to float
        Median peak of every band that was read, also those read only for the pictures [flux units].
    suggestion : Suggestion
    image : ImageSettings
    data : DataSettings

    Returns
    -------
    list of Finding
    """
    shown = {band: found for band, found in survey.bands.items() if band in image.bands}
    spoiled = misfits(survey, peaks, suggestion, image, data)
    # The other bands can be seen in the report, or were only looked at: nothing depends on them.
    others = {band: found for band, found in survey.bands.items() if band not in image.bands}
    idle = [*_spread(others, data), *_sky(others, data)]
    if not _scale(_of(image.bands, peaks), data):
        idle = [*_scale(peaks, data), *idle]
    notes = [replace(finding, kind="note", text=f"{finding.text} {_IDLE}") for finding in idle]
    return [*spoiled, *_sky(shown, data), *notes]


def misfits(
    survey: Survey,
    peaks: Mapping[str, float],
    suggestion: Suggestion,
    image: ImageSettings,
    data: DataSettings,
) -> list[Finding]:
    """Judge scales and stretch: what spoils the pictures.

    Parameters and return value are those of `flux_findings`.
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
        "The bands differ in scale by orders of magnitude: one would outshine the others in a colour picture."
        f" Median peaks: {listed}."
    )
    entries = ", ".join(f"{band} = {factor:g}" for band, factor in factors.items())
    remedy = (
        "Bring them to one scale: [data] zero_points with the survey's own, or by hand"
        f" [data] flux_factors = {{{entries}}}."
    )
    if data.flux_factors or data.zero_points != "none":
        remedy = "Check the configured [data] zero_points and flux_factors."
    return [Finding("warning", text, remedy)]


def _spread(bands: Mapping[str, BandSurvey], data: DataSettings) -> list[Finding]:
    """Find bands whose stamps are not on one scale, as where two surveys are put together."""
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
        "The stamps of one band differ in scale: one stretch cannot suit them all. Sky noise, 95th percentile"
        f" over the 5th: {listed}."
    )
    remedy = 'Several surveys? [data] zero_points = "header" uses the zero point of each file.'
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
        remedy = "The background is subtracted already: galaxies fill their stamps; larger stamps would help."
    return [Finding("warning", text, remedy)]


def _stretch(bands: Mapping[str, BandSurvey], suggestion: Suggestion, image: ImageSettings) -> list[Finding]:
    findings = []
    ratio = image.stretch / suggestion.stretch
    if ratio > FAR_FROM_SUGGESTED or ratio < 1 / FAR_FROM_SUGGESTED:
        effect = "black pictures" if ratio > 1 else "noise and burnt-out galaxies"
        text = (
            f"[image] stretch = {image.stretch:g} is {ratio:.2g} times the {suggestion.stretch:g} that the"
            f" sky noise suggests: expect {effect}."
        )
        findings.append(
            Finding("warning", text, f"Try {suggestion.stretch:g}; galmorph inspect shows several.")
        )
    elif np.isnan(ratio) and any(bands[band].values.size for band in image.bands):
        text = "The corners of most stamps have one value: no noise, by which a stretch could be suggested."
        findings.append(Finding("note", text))
    intensity = peak_intensities(bands, image)
    if intensity.size:
        share = float(np.mean(intensity > full_scale(image)))
        if share > _MANY_BRIGHT:
            text = f"The centres of {share:.0%} of the objects are at full brightness: their bulges burn out."
            findings.append(Finding("note", text, "A larger [image] stretch or q keeps them."))
    return findings
