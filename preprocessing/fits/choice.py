"""Which image of a FITS file is meant: the first that is not constant."""

from collections.abc import Iterable
from typing import Protocol, TypeVar

import numpy as np

from preprocessing.fits.files import StampError
from preprocessing.locations import Location


class Candidate(Protocol):
    """An image of a file."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Lengths of the axes in numpy's order; axes of length 1 beyond the first two are left out."""

    @property
    def last(self) -> bool:
        """Whether it is known to be the last unit of the file."""

    def varies(self) -> bool:
        """Return whether it holds two different finite numbers."""


Image = TypeVar("Image", bound=Candidate)


def choose(images: Iterable[Image], planes: int, path: Location, most: int) -> Image:
    """Choose an image.

    Parameters
    ----------
    images : iterable of Candidate
        In the order of the file.
    planes : int
        1 for a two-dimensional image; otherwise a cube of so many planes.
    path : Path or Remote
        For messages.
    most : int
        Longest side [pixels].

    Returns
    -------
    Candidate
        The first of the right shape that is not constant, or else the first of that shape.

    Raises
    ------
    StampError
        ``no_image``, ``wrong_planes`` or ``too_large``.
    """
    fallback: Image | None = None
    other: tuple[int, ...] = ()
    for image in images:
        shape = image.shape
        if 0 in shape or len(shape) < 2:
            continue
        if len(shape) != (2 if planes == 1 else 3) or (planes > 1 and shape[0] != planes):
            other = other or shape
            continue
        if max(shape[-2:]) > most:
            raise StampError("too_large", path, f"image of {shape[-1]} x {shape[-2]} pixels, limit {most}")
        if (image.last and fallback is None) or image.varies():
            return image
        fallback = fallback or image
    if fallback is not None:
        return fallback
    if other:
        sizes = " x ".join(str(length) for length in reversed(other))
        wanted = "a two-dimensional image" if planes == 1 else f"a cube of {planes} planes"
        raise StampError("wrong_planes", path, f"holds an image of {sizes} where {wanted} is expected")
    raise StampError("no_image", path, "no image in any HDU")


def varies(image: np.ndarray) -> bool:
    """Return whether an image holds two different finite numbers."""
    first = image.flat[0]
    if (image == first).all():
        return False
    finite = image[np.isfinite(image)]
    return finite.size > 0 and bool((finite != finite[0]).any())
