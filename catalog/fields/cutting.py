"""Stamps of open field images."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from catalog.fields.tables import FieldFile
from evaluation.formats.catalogue import Flag
from preprocessing.faults import as_reject
from preprocessing.fits.files import StampError
from preprocessing.fits.windows import WindowReader
from preprocessing.planes import Calibration, Plane, PlaneRules
from preprocessing.stamps import Stamp, StampWarning, area_warnings, band_warnings

MOST_OPEN = 4
"""Fields that are open at the same time: the one that is cut, and neighbours that were tried instead."""
MOST_BYTES = 2**30
"""Memory of open fields from which those that were used longest ago are closed."""


class Place(NamedTuple):
    """A pixel of a field, from 0. Places are sorted as they are read fastest."""

    field: int
    y: int
    x: int


@dataclass(frozen=True)
class FieldImages:
    """The images of a field.

    Attributes
    ----------
    name : str
    files : tuple of FieldFile
        In the order of the bands; empty for a field of which no stamp is cut.
    """

    name: str
    files: tuple[FieldFile, ...]


class OpenFields:
    """The fields from which stamps are cut; a few of them are open.

    Parameters
    ----------
    fields : sequence of FieldImages
    bands : tuple of str
    rules : PlaneRules
    stamp_side : int
        Side of the cutout from which the sky level is taken [pixels].
    """

    def __init__(
        self, fields: Sequence[FieldImages], bands: tuple[str, ...], rules: PlaneRules, stamp_side: int
    ) -> None:
        self._fields, self._bands, self._rules, self._stamp_side = fields, bands, rules, stamp_side
        self._open: OrderedDict[int, list[_OpenImage] | StampError] = OrderedDict()

    def stamp(self, name: str, place: Place) -> tuple[Stamp, int]:
        """Cut the stamp of an object.

        Parameters
        ----------
        name : str
            Of the object, for the log.
        place : Place

        Returns
        -------
        stamp : Stamp
        flags : int
            `Flag.EDGE` if it reaches beyond the edge of the image; pixels there are blank.

        Raises
        ------
        StampError
            For the first band that cannot be used, as `preprocessing.stamps.StampReader.read` does; but the
            position need not be checked.
        """
        side, wide = self._rules.side, self._stamp_side
        # The cut is what `centre_cut` takes of the cutout.
        top, left = place.y - side // 2, place.x - side // 2
        margin = (wide - side) // 2
        planes: dict[str, Plane] = {}
        warnings: list[StampWarning] = []
        at_edge = False
        with as_reject(name, self._fields[place.field].name):
            for band, image in zip(self._bands, self._images(place.field), strict=True):
                with as_reject(name, image.path):
                    at_edge = image.is_at_edge(top, left, side)
                    pixels = image.read(top - margin, left - margin, wide)
                    planes[band] = _plane(self._rules, pixels, image.calibration, at_edge)
                    warnings += image.warnings + area_warnings(planes[band], band, image.path)
        return Stamp(planes, tuple(warnings)), int(Flag.EDGE) if at_edge else 0

    def _images(self, index: int) -> "list[_OpenImage]":
        """Return the open images of a field; raise `StampError`, each time, if one cannot be used."""
        if index not in self._open:
            self._open[index] = self._opened(index)
            while len(self._open) > 1 and (len(self._open) > MOST_OPEN or self._memory() > MOST_BYTES):
                self._open.popitem(last=False)
        self._open.move_to_end(index)
        found = self._open[index]
        if isinstance(found, StampError):
            raise StampError(found.reason, found.path, found.message)
        return found

    def _opened(self, index: int) -> "list[_OpenImage] | StampError":
        files = self._fields[index].files
        try:
            return [
                _OpenImage(file, band, self._rules) for file, band in zip(files, self._bands, strict=True)
            ]
        except StampError as error:
            return error

    def _memory(self) -> int:
        images = [image for found in self._open.values() if isinstance(found, list) for image in found]
        return sum(image.memory for image in images)


class _OpenImage:
    """An open image of a band, with its weights."""

    def __init__(self, file: FieldFile, band: str, rules: PlaneRules) -> None:
        self.path = file.path
        self._image = WindowReader(file.path)
        self._weight = WindowReader(file.weight) if file.weight is not None else None
        if self._weight is not None and self._weight.shape != self._image.shape:
            assert file.weight is not None
            raise StampError("unreadable", file.weight, "no longer of the size of its image")
        if file.zero_point is not None:
            rules = replace(rules, flux_scale=replace(rules.flux_scale, zero_points={band: file.zero_point}))
        self.calibration: Calibration = rules.calibration(self._image.header, file.path, band)
        # A fault of the header concerns every stamp, so it is found before any is cut.
        _ = self.calibration.saturation, self.calibration.factor
        self.warnings = band_warnings(self._image.header, band, file.path, "--fields")

    @property
    def memory(self) -> int:
        return self._image.memory + (self._weight.memory if self._weight else 0)

    def is_at_edge(self, top: int, left: int, side: int) -> bool:
        height, width = self._image.shape
        return top < 0 or left < 0 or top + side > height or left + side > width

    def read(self, top: int, left: int, side: int) -> np.ndarray:
        pixels = self._image.read(top, left, side, side)
        if self._weight is not None:
            weight = self._weight.read(top, left, side, side)
            pixels[~((weight > 0) & np.isfinite(weight))] = np.nan
        return pixels


def _plane(rules: PlaneRules, pixels: np.ndarray, calibration: Calibration, at_edge: bool) -> Plane:
    try:
        return rules.plane(pixels, calibration)
    except StampError as error:
        if not at_edge or error.reason != "too_blank":
            raise
        message = f"{error.message}; it reaches beyond the edge of the image"
        raise StampError(error.reason, error.path, message) from None
