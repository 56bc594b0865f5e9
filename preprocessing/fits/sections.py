"""Parts of images, read by `astropy.io.fits`; runs in the child process of `preprocessing.fits.isolated`."""

import os
import warnings
from collections import OrderedDict

import numpy as np
from astropy.io import fits

from preprocessing.fits.image import cards_of

MOST_OPEN = 6
"""Files that stay open; a field has one for each band."""

ImageEntry = tuple[int, tuple[int, ...], bytes, bytes]
"""Number of the HDU, shape, cards of its header and of the primary header."""


class OpenFiles:
    """Files that were read last."""

    def __init__(self) -> None:
        self._files: OrderedDict[tuple[str, int, int, bool], fits.HDUList] = OrderedDict()

    def images(self, path: str) -> list[ImageEntry]:
        """Return the images of a file, with axes of length 1 left out beyond the first two."""
        hdus = self._opened(path)
        primary = cards_of(hdus[0].header)
        found = []
        for number, hdu in enumerate(hdus):
            if hdu.is_image:
                shape = (*(length for length in hdu.shape[:-2] if length != 1), *hdu.shape[-2:])
                found.append((number, shape, cards_of(hdu.header), primary))
        return found

    def rows(self, path: str, number: int, first: int, end: int) -> np.ndarray:
        """Return rows of an image as float32, by the rules of `preprocessing.fits.image`."""
        hdu = self._opened(path)[number]
        part = (*(0 for _ in hdu.shape[:-2]), slice(first, end))
        blank = hdu.header.get("BLANK") if hdu.header["BITPIX"] > 0 else None
        with np.errstate(over="ignore", invalid="ignore"):
            rows = np.array(hdu.section[part], np.float32)
        if isinstance(blank, int):
            # astropy ignores a BLANK of 0, and any BLANK of unsigned integers.
            stored = self._opened(path, unscaled=True)[number].section[part]
            rows[stored == blank] = np.nan
        if rows.shape != (end - first, hdu.shape[-1]):
            raise ValueError(f"rows {first + 1} to {end} are incomplete")
        return rows

    def _opened(self, path: str, unscaled: bool = False) -> fits.HDUList:
        status = os.stat(path)  # a file may be replaced by another under the same name
        key = path, status.st_ino, status.st_mtime_ns, unscaled
        if key in self._files:
            self._files.move_to_end(key)
            return self._files[key]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            hdus = fits.open(path, memmap=False, do_not_scale_image_data=unscaled)
            len(hdus)  # reads all headers
        self._files[key] = hdus
        if len(self._files) > MOST_OPEN:
            self._files.popitem(last=False)[1].close()
        return hdus
