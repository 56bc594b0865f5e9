"""Make the planes of a stamp: cut, calibrated flux, and checks whether the pixels are usable."""

import math
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from preprocessing.blank_areas import blank_areas
from preprocessing.fits.files import StampError
from preprocessing.fits.header import Header
from preprocessing.flux_scale import FluxScale, FluxScaleError, saturation_level
from preprocessing.locations import Location

_MAD_TO_SIGMA = 1.482602218505602  # of a normal distribution


@dataclass(frozen=True)
class Plane:
    """One band of one object, cut to size.

    Attributes
    ----------
    flux : numpy.ndarray, float32, shape (side, side)
        Flux from `preprocessing.flux_scale`; blank pixels are NaN or infinite.
    height, width : int
        Size of the whole image before the cut [pixels].
    saturated, blank : float
        Fraction of pixels at or above the header's saturation, and of pixels that are NaN or infinite.
    filled : tuple of float
        Numbers that fill whole areas in place of data [units of the file]; their pixels are NaN.
    """

    flux: np.ndarray
    height: int
    width: int
    saturated: float
    blank: float
    filled: tuple[float, ...] = ()

    @cached_property
    def _pixels(self) -> np.ndarray:
        return self.flux[np.isfinite(self.flux)] if self.blank else self.flux.reshape(-1)

    @cached_property
    def mean(self) -> float:
        """Mean of the pixels that are not blank [flux units]."""
        return float(self._pixels.mean(dtype=np.float64))

    @cached_property
    def noise(self) -> float:
        """Scaled median absolute deviation of the pixels that are not blank [flux units].

        Computed from every third pixel: two medians of all pixels would take longer than reading the stamp.
        """
        pixels = self._pixels[::3]
        return float(_median(np.abs(pixels - _median(pixels)))) * _MAD_TO_SIGMA


def _median(values: np.ndarray) -> np.float32:
    """Return the median; for an even number the upper middle value, at half the cost of `numpy.median`."""
    middle = len(values) // 2
    return np.partition(values, middle)[middle]


@dataclass(frozen=True)
class PlaneRules:
    """How an image becomes a plane, and what is refused.

    Attributes
    ----------
    side : int
        Side of the square to keep [pixels].
    flux_scale : FluxScale
    max_blank, max_saturated : float
        Largest fractions of NaN or infinite, and of saturated pixels that are accepted.
    """

    side: int
    flux_scale: FluxScale = field(default_factory=FluxScale)
    max_blank: float = 0.2
    max_saturated: float = 0.05

    def calibration(self, header: Header, path: Location, band: str) -> "Calibration":
        """Return what the header of an image says of its pixels."""
        return Calibration(self, header, path, band)

    def plane(self, image: np.ndarray, calibration: "Calibration") -> Plane:
        """Make a plane.

        Parameters
        ----------
        image : numpy.ndarray, float32, shape (H, W)
            The whole stamp [units of the file], not smaller than `side`. Blank pixels are NaN.
        calibration : Calibration

        Returns
        -------
        Plane

        Raises
        ------
        StampError
            ``bad_saturation``, ``too_saturated``, ``no_zero_point``, ``too_blank``, ``off_stamp`` if the
            centre is blank, or ``constant``.
        """
        height, width = image.shape
        side, path, level = self.side, calibration.path, calibration.saturation
        # The whole stamp is needed only for the sky level.
        if self.flux_scale.background == "none":
            image = centre_cut(image, side)
        image, filled = _without_filled_areas(image, level)
        saturated = self._saturated(centre_cut(image, side), level, path)
        calibrated = self.flux_scale.scaled(image, calibration.factor)
        flux = np.ascontiguousarray(centre_cut(calibrated, side))
        blank = self._blank(flux, filled, path)
        return Plane(flux, height, width, saturated, blank, filled)

    def _saturated(self, cut: np.ndarray, level: float | None, path: Location) -> float:
        if level is None:
            return 0.0
        saturated = float(np.count_nonzero(cut >= level)) / cut.size
        if saturated > self.max_saturated:
            raise StampError(
                "too_saturated",
                path,
                f"{saturated:.1%} of the pixels are saturated ({level:g} or more),"
                f" limit {self.max_saturated:.1%}",
            )
        return saturated

    def _blank(self, flux: np.ndarray, filled: tuple[float, ...], path: Location) -> float:
        """Return the fraction of blank pixels; refuse blank and constant stamps."""
        # The sum of squares is finite if all pixels are; this costs a third of a check of each pixel.
        flat = flux.reshape(-1)
        with np.errstate(over="ignore", invalid="ignore"):
            whole = math.isfinite(np.dot(flat, flat))
        if whole:
            blank, least, most = 0.0, flat.min(), flat.max()
        else:
            finite = np.isfinite(flat)
            blank = float(flat.size - np.count_nonzero(finite)) / flat.size
            if blank > self.max_blank:
                areas = f" ({listed_numbers(filled)} fills areas in place of data)" if filled else ""
                message = f"{blank:.1%} of the pixels are blank{areas}, limit {self.max_blank:.1%}"
                raise StampError("too_blank", path, message)
            middle = len(flux) // 2
            if not finite.reshape(flux.shape)[middle - 1 : middle + 2, middle - 1 : middle + 2].any():
                raise StampError("off_stamp", path, "no data at the centre, where the object should be")
            pixels = flat[finite]
            least, most = pixels.min(), pixels.max()
        if least == most:
            raise StampError("constant", path, f"every pixel is {least:g}")
        return blank


@dataclass(frozen=True)
class Calibration:
    """What a header says of the pixels of an image; read from its cards once, when it is needed.

    Attributes
    ----------
    rules : PlaneRules
    header : Header
    path : Path or Remote
        For messages.
    band : str
    """

    rules: PlaneRules
    header: Header
    path: Location
    band: str

    @cached_property
    def saturation(self) -> float | None:
        """Value from which a pixel is saturated [units of the file]; None if it is unknown or not needed.

        Raises
        ------
        StampError
            ``bad_saturation``.
        """
        try:
            return saturation_level(self.header) if self.rules.max_saturated < 1 else None
        except FluxScaleError as error:
            raise StampError("bad_saturation", self.path, str(error)) from None

    @cached_property
    def factor(self) -> float:
        """Factor from pixel values to flux.

        Raises
        ------
        StampError
            ``no_zero_point``.
        """
        try:
            return self.rules.flux_scale.factor(self.header, self.band)
        except FluxScaleError as error:
            raise StampError("no_zero_point", self.path, str(error)) from None


def listed_numbers(filled: tuple[float, ...]) -> str:
    """Return numbers as text."""
    return " and ".join(f"{number:g}" for number in filled)


def _without_filled_areas(
    image: np.ndarray, saturation: float | None
) -> tuple[np.ndarray, tuple[float, ...]]:
    found = blank_areas(image, saturation)
    if found is None:
        return image, ()
    blank, numbers = found
    return np.where(blank, np.float32(np.nan), image), numbers


def centre_cut(image: np.ndarray, side: int) -> np.ndarray:
    """Return the central square of an image.

    Parameters
    ----------
    image : numpy.ndarray, shape (H, W)
    side : int
        Not above H or W [pixels]. An odd difference drops the extra row or column at the far end.

    Returns
    -------
    numpy.ndarray, shape (side, side)
        A view.
    """
    top, left = (image.shape[0] - side) // 2, (image.shape[1] - side) // 2
    return image[top : top + side, left : left + side]
