"""Read the stamps of one object: flux, cut, and checks whether they are usable."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial

import numpy as np

from preprocessing.bands import band_name
from preprocessing.blank_areas import blank_areas
from preprocessing.faults import as_reject
from preprocessing.fits.files import StampError
from preprocessing.fits.header import Header
from preprocessing.fits.reading import decode_image
from preprocessing.flux_scale import FluxScale, FluxScaleError, saturation_level
from preprocessing.locations import Location
from preprocessing.sky_position import pixel_of
from preprocessing.stamp_files import ReadBand, read_ahead, read_stamp

BAND_KEYWORDS = ("FILTER", "FILTNAM", "FILTERID", "BAND", "INSFILTE")
"""Keywords of the band."""
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
class StampWarning:
    """A warning about a stamp that is used nevertheless.

    Attributes
    ----------
    code : str
        One of `WARNINGS`.
    path : str
    message : str
        One sentence.
    """

    code: str
    path: str
    message: str


WARNINGS = {
    "band_contradicted": "the header names another band than the file name; the file name counts",
    "filled_area": "one number fills areas of a stamp in place of data; they count as blank",
    "sizes_differ": "the planes of an object have different sizes; each is cut about its own centre",
}
"""Every warning code and what it means."""


@dataclass(frozen=True)
class Stamp:
    """All planes of one object.

    Attributes
    ----------
    planes : dict of Plane
        By band.
    warnings : tuple of StampWarning
    """

    planes: dict[str, Plane]
    warnings: tuple[StampWarning, ...] = ()


@dataclass(frozen=True)
class StampReader:
    """Paths of the stamps and requirements on them: everything that is needed to read an object.

    Attributes
    ----------
    template : str
        Path or URI with ``{name}`` and ``{band}``; of cubes with ``{name}`` alone.
    bands : sequence of str
        Bands to read.
    side : int
        Side of the square to keep [pixels].
    cube_bands : sequence of str
        Bands of a cube's planes, first plane first; empty if each band has a file.
    flux_scale : FluxScale
    max_blank, max_saturated : float
        Largest fractions of NaN or infinite, and of saturated pixels that are accepted.
    max_offset : float
        Largest distance between the object's position and the stamp's centre [side].
    """

    template: str
    bands: Sequence[str]
    side: int
    cube_bands: Sequence[str] = ()
    flux_scale: FluxScale = field(default_factory=FluxScale)
    max_blank: float = 0.2
    max_saturated: float = 0.05
    max_offset: float = 0.25

    @property
    def file_bands(self) -> Sequence[str]:
        """Bands with a file of their own; a single empty string for cubes."""
        return ("",) if self.cube_bands else self.bands

    @property
    def planes(self) -> int:
        """Planes in a file."""
        return len(self.cube_bands) or 1

    def read(self, name: str, ra: float = math.nan, dec: float = math.nan) -> Stamp:
        """Read an object.

        Parameters
        ----------
        name : str
        ra, dec : float
            Its position, J2000 [deg]; with NaN, the position on the stamp is not checked.

        Returns
        -------
        Stamp

        Raises
        ------
        StampError
            For the first band that cannot be used: ``bad_name``, the reasons of
            `preprocessing.fits.reading.read_image`, ``too_small``, ``too_blank``, ``too_saturated``,
            ``constant``, ``off_stamp``, ``no_zero_point``, ``bad_saturation`` or, for a fault of galmorph,
            ``internal_error``.
        StorageError
            If an object store cannot be read. No other exception leaves this method.
        """
        return self.read_with(name, (ra, dec), partial(read_stamp, self.template, name))

    def read_each(self, objects: Iterable[tuple[str, float, float]]) -> Iterator[Stamp | StampError]:
        """Read objects; those of an object store are read ahead, many at the same time.

        Parameters
        ----------
        objects : iterable of (str, float, float)
            Name, right ascension and declination of each, as in `read`.

        Yields
        ------
        Stamp or StampError
            The error instead of the stamp where `read` would raise it.

        Raises
        ------
        StorageError
            If an object store cannot be read.
        """
        entries = list(objects)
        files = read_ahead(self.template, self.file_bands, [name for name, _, _ in entries])
        for (name, ra, dec), read_band in zip(entries, files, strict=True):
            try:
                stamp = self.read_with(name, (ra, dec), read_band)
            except StampError as error:
                yield error
            else:
                yield stamp

    def sizes(self, name: str) -> dict[str, tuple[int, int]]:
        """Return height and width [pixels] of the images of an object, of those bands that can be read."""
        sizes: dict[str, tuple[int, int]] = {}
        for band in self.bands:
            try:
                path, content = read_stamp(self.template, name, "" if self.cube_bands else band)
                image, _ = decode_image(content, path, self.planes)
            except StampError:
                continue
            sizes[band] = (image.shape[-2], image.shape[-1])
        return sizes

    def read_with(self, name: str, position: tuple[float, float], read_band: ReadBand) -> Stamp:
        """Read an object as `read` does, with another way to its files; `position` is (ra, dec)."""
        with as_reject(name, self.template):
            images = self._read_cube(read_band) if self.cube_bands else self._read_files(name, read_band)
            planes = {}
            for band, (image, header, path) in images.items():
                with as_reject(name, path):
                    planes[band] = self._plane(image, header, path, band, position)
            return Stamp(planes, tuple(self._warnings(images, planes)))

    def _read_files(self, name: str, read_band: ReadBand) -> "_Images":
        images = {}
        for band in self.bands:
            path, content = read_band(band)
            with as_reject(name, path):
                images[band] = (*decode_image(content, path), path)
        return images

    def _read_cube(self, read_band: ReadBand) -> "_Images":
        path, content = read_band("")
        cube, header = decode_image(content, path, self.planes)
        return {band: (cube[self.cube_bands.index(band)], header, path) for band in self.bands}

    def _plane(
        self, image: np.ndarray, header: Header, path: Location, band: str, position: tuple[float, float]
    ) -> Plane:
        height, width = image.shape
        side = self.side
        if min(height, width) < side:
            raise StampError("too_small", path, f"{width} x {height} pixels, the cut needs {side} x {side}")
        self._check_position(header, (height, width), position, path)
        try:
            level = saturation_level(header) if self.max_saturated < 1 else None
        except FluxScaleError as error:
            raise StampError("bad_saturation", path, str(error)) from None
        # The whole stamp is needed only for the sky level.
        if self.flux_scale.background == "none":
            image = centre_cut(image, side)
        image, filled = _without_filled_areas(image, level)
        saturated = self._saturated(centre_cut(image, side), level, path)
        try:
            calibrated, _ = self.flux_scale.apply(image, header, band)
        except FluxScaleError as error:
            raise StampError("no_zero_point", path, str(error)) from None
        flux = np.ascontiguousarray(centre_cut(calibrated, side))
        blank = self._blank(flux, filled, path)
        return Plane(flux, height, width, saturated, blank, filled)

    def _check_position(
        self, header: Header, shape: tuple[int, int], position: tuple[float, float], path: Location
    ) -> None:
        if math.isnan(position[0]) or math.isnan(position[1]):
            return
        pixel = pixel_of(header, *position)
        if pixel is None:
            return
        height, width = shape
        distance = math.hypot(pixel[0] - (width - 1) / 2, pixel[1] - (height - 1) / 2)
        if distance > self.max_offset * self.side:
            limit = f"limit {self.max_offset * self.side:.1f}"
            raise StampError(
                "off_stamp", path, f"the table's position is {distance:.1f} pixels from the centre, {limit}"
            )

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
                areas = f" ({_numbers(filled)} fills areas in place of data)" if filled else ""
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

    def _warnings(self, images: "_Images", planes: Mapping[str, Plane]) -> list[StampWarning]:
        warnings = []
        sizes = {image.shape: path for image, _, path in images.values()}
        if len(sizes) > 1:
            texts = ", ".join(f"{width} x {height} in {path.name}" for (height, width), path in sizes.items())
            path = next(iter(sizes.values()))
            warnings.append(StampWarning("sizes_differ", str(path), texts))
        if not self.cube_bands:
            for band, (_, header, path) in images.items():
                if (other := named_band(header)) not in (None, band):
                    message = f"the header says {other}, the file name {band}"
                    warnings.append(StampWarning("band_contradicted", str(path), message))
        for band, plane in planes.items():
            if plane.filled and plane.blank:
                message = (
                    f"{plane.blank:.1%} of the pixels of band {band} are blank: {_numbers(plane.filled)}"
                    " fills areas in place of data"
                )
                warnings.append(StampWarning("filled_area", str(images[band][2]), message))
        return warnings


def _numbers(filled: Sequence[float]) -> str:
    return " and ".join(f"{number:g}" for number in filled)


def _without_filled_areas(
    image: np.ndarray, saturation: float | None
) -> tuple[np.ndarray, tuple[float, ...]]:
    found = blank_areas(image, saturation)
    if found is None:
        return image, ()
    blank, numbers = found
    return np.where(blank, np.float32(np.nan), image), numbers


_Images = Mapping[str, tuple[np.ndarray, Header, Location]]


def named_band(header: Header) -> str | None:
    """Return the band that a header names in one of `BAND_KEYWORDS`, or None if it names none of `BANDS`."""
    for keyword in BAND_KEYWORDS:
        value = header.get(keyword)
        if isinstance(value, str) and value:
            try:
                return band_name(value)
            except ValueError:
                return None
    return None


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
