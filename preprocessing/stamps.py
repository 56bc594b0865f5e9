"""Read the stamps of one object: flux, cut, and checks whether they are usable."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial

import numpy as np

from preprocessing.bands import band_name
from preprocessing.faults import as_reject
from preprocessing.fits.files import StampError
from preprocessing.fits.header import Header
from preprocessing.fits.reading import decode_image
from preprocessing.flux_scale import FluxScale
from preprocessing.locations import Location
from preprocessing.planes import Plane, PlaneRules, listed_numbers
from preprocessing.sky_position import pixel_of
from preprocessing.stamp_files import ReadBand, read_ahead, read_stamp

BAND_KEYWORDS = ("FILTER", "FILTNAM", "FILTERID", "BAND", "INSFILTE")
"""Keywords of the band."""


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
        rules = self._rules
        return rules.plane(image, rules.calibration(header, path, band))

    @cached_property
    def _rules(self) -> PlaneRules:
        return PlaneRules(self.side, self.flux_scale, self.max_blank, self.max_saturated)

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

    def _warnings(self, images: "_Images", planes: Mapping[str, Plane]) -> list[StampWarning]:
        warnings = []
        sizes = {image.shape: path for image, _, path in images.values()}
        if len(sizes) > 1:
            texts = ", ".join(f"{width} x {height} in {path.name}" for (height, width), path in sizes.items())
            path = next(iter(sizes.values()))
            warnings.append(StampWarning("sizes_differ", str(path), texts))
        if not self.cube_bands:
            for band, (_, header, path) in images.items():
                warnings += band_warnings(header, band, path, "the file name")
        for band, plane in planes.items():
            warnings += area_warnings(plane, band, images[band][2])
        return warnings


def band_warnings(header: Header, band: str, path: Location, source: str) -> list[StampWarning]:
    """Return a warning if a header names another band than `source` does."""
    if (other := named_band(header)) in (None, band):
        return []
    return [StampWarning("band_contradicted", str(path), f"the header says {other}, {source} {band}")]


def area_warnings(plane: Plane, band: str, path: Location) -> list[StampWarning]:
    """Return a warning if one number fills areas of a plane in place of data."""
    if not plane.filled or not plane.blank:
        return []
    message = (
        f"{plane.blank:.1%} of the pixels of band {band} are blank: {listed_numbers(plane.filled)}"
        " fills areas in place of data"
    )
    return [StampWarning("filled_area", str(path), message)]


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
