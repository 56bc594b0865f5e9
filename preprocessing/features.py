"""Names of the features of an Example, before and after Transform, and the numbers of the classes."""

from collections.abc import Iterable

NAME = "name"
RIGHT_ASCENSION = "ra"
DECLINATION = "dec"
LABEL = "label"
FOLD = "fold"
POSITION = "position"
"""Right ascension and declination [deg] as the raw bytes of two little-endian float64. An Example's own
floats have 32 bits, which at 300 degrees means steps of 0.1 arcsec."""
MAGNITUDE = "magnitude"
VOTE_ELLIPTICAL = "vote_elliptical"
VOTE_SPIRAL = "vote_spiral"
"""Debiased fractions of the volunteers' votes; they need not add up to 1."""
SOFT_LABEL = "soft_label"
"""Share of ellipticals among the votes for either class, after Transform; the label if there are no votes."""
HEIGHT = "height"
WIDTH = "width"
"""Size of the first band's stamp before the cut [pixels]."""
BRIGHTNESS = "brightness"
HALF_LIGHT_RADIUS = "half_light_radius"
"""Measured in the cut by `preprocessing.measurements`, after Transform."""
PICTURE = "picture"
"""The transformed Example's picture: a PNG, 8 bits, RGB, rows in the order of the FITS file (upwards)."""

SPIRAL, ELLIPTICAL, NO_LABEL = 0, 1, -1
NO_FOLD = -1
CLASS_NAMES = {SPIRAL: "spiral", ELLIPTICAL: "elliptical", NO_LABEL: "uncertain"}

TRAIN, VALIDATION, TEST, HOLDOUT, UNCERTAIN = "train", "val", "test", "holdout", "uncertain"
SPLITS = (TRAIN, VALIDATION, TEST, HOLDOUT, UNCERTAIN)

STATISTICS = ("mean", "noise", "saturated", "blank")
"""Statistics of each plane: mean and noise [flux units], fractions of saturated and blank pixels."""


def flux_feature(band: str) -> str:
    """Name of the feature that holds a band's plane: little-endian float32, C order, square, as raw bytes."""
    return f"flux_{band}"


def statistic_feature(statistic: str, band: str) -> str:
    """Name of the feature that holds one of `STATISTICS` of a band's plane."""
    return f"{statistic}_{band}"


def scalar_features(bands: Iterable[str]) -> list[str]:
    """Names of the scalar features, on which TFX computes statistics; pixels and names are left out."""
    common = [LABEL, FOLD, RIGHT_ASCENSION, DECLINATION, MAGNITUDE, HEIGHT, WIDTH]
    common += [VOTE_ELLIPTICAL, VOTE_SPIRAL]
    return common + [statistic_feature(statistic, band) for band in bands for statistic in STATISTICS]
