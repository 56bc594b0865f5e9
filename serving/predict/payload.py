"""What is sent to a classifier."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Flux:
    """Flux of N objects.

    Attributes
    ----------
    values : numpy.ndarray, float32, shape (N, side, side, 3)
        Red first; blank pixels are NaN or infinite.
    bands : tuple of str
    """

    values: NDArray[np.float32]
    bands: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.values)

    @property
    def size(self) -> int:
        """Its size [bytes]."""
        return self.values.nbytes

    def take(self, which: Sequence[int]) -> "Flux":
        """Return some of the objects."""
        # Neighbours are a view, others a copy.
        values = (
            self.values[which.start : which.stop] if isinstance(which, range) else self.values[list(which)]
        )
        return Flux(values, self.bands)

    def path(self, place: int, band: str) -> str:
        """Return an empty text: flux has no file."""
        return ""


@dataclass(frozen=True)
class Files:
    """FITS files of N objects.

    Attributes
    ----------
    contents : list of list of bytes
        One file for each object and band.
    paths : list of list of str
    bands : tuple of str
        Red first.
    """

    contents: list[list[bytes]]
    paths: list[list[str]]
    bands: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.contents)

    @property
    def size(self) -> int:
        """Size of all files [bytes]."""
        return sum(len(content) for row in self.contents for content in row)

    def take(self, which: Sequence[int]) -> "Files":
        """Return some of the objects."""
        contents = [self.contents[place] for place in which]
        return Files(contents, [self.paths[place] for place in which], self.bands)

    def path(self, place: int, band: str) -> str:
        """Return the file of a band of an object; empty for a band that is none of `bands`."""
        return self.paths[place][self.bands.index(band)] if band in self.bands else ""


Payload = Flux | Files
