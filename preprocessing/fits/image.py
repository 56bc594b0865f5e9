"""Two readers of FITS images: a fast one for ordinary files, and astropy for all others.

The fast reader takes an uncompressed image (any BITPIX, scaled or not, in any HDU) from the file's bytes, and
a Rice- or gzip-compressed one through astropy's compiled decoders. Both readers choose the same image.
`preprocessing.fits.reading.read_image` uses them.
"""

import io
import math
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
from astropy.io import fits

from preprocessing.fits.choice import choose, varies
from preprocessing.fits.header import PIXEL_TYPES, Hdu, Header, Unusual, scan_hdus
from preprocessing.fits.tiles import decompress_image
from preprocessing.locations import Location
from preprocessing.settings import MAX_SIDE

_UNSIGNED = {8: -128, 16: 2**15, 32: 2**31, 64: 2**63}  # BZERO by which FITS spells int8, uint16, ...


def read_scanned(content: bytes, planes: int, path: Location) -> tuple[np.ndarray, Header]:
    """Do what `read_image` does with the fast reader only; raise `Unusual` where it cannot read the file."""
    return choose(_scanned_images(content), planes, path, MAX_SIDE).content


def read_with_astropy(content: bytes, planes: int, path: Location) -> tuple[np.ndarray, Header]:
    """Do what `read_image` does with `astropy.io.fits` only, in this process; raise what astropy raises."""
    return choose(_astropy_images(content), planes, path, MAX_SIDE).content


@dataclass(frozen=True)
class _Image:
    """An image that is read when it is asked for."""

    shape: tuple[int, ...]
    last: bool
    read: Callable[[], tuple[np.ndarray, Header]]

    @cached_property
    def content(self) -> tuple[np.ndarray, Header]:
        """Pixels and header."""
        return self.read()

    def varies(self) -> bool:
        return varies(self.content[0])


def _scanned_images(content: bytes) -> Iterator[_Image]:
    for hdu in scan_hdus(content):
        if hdu.is_image or hdu.is_compressed_image:
            shape = hdu.shape("Z" if hdu.is_compressed_image else "")
            yield _Image(shape, hdu.last, partial(_read_scanned_hdu, hdu, shape, content))


def _read_scanned_hdu(hdu: Hdu, shape: tuple[int, ...], content: bytes) -> tuple[np.ndarray, Header]:
    header = hdu.header
    if hdu.is_compressed_image:
        pixels, bits = decompress_image(hdu, content), header.integer("ZBITPIX")
    else:
        bits = header.integer("BITPIX")
        pixels = np.frombuffer(content, PIXEL_TYPES[bits], math.prod(shape), hdu.start)
    return scaled(pixels.reshape(shape), bits, header), header


def _astropy_images(content: bytes) -> Iterator[_Image]:
    with _opened(content) as hdus:
        primary = hdus[0].header
        for number, hdu in enumerate(hdus):
            if hdu.is_image:
                sides = hdu.shape
                shape = (*(length for length in sides[:-2] if length != 1), *sides[-2:])
                yield _Image(shape, False, partial(_read_astropy_hdu, hdu, shape, primary, content, number))


@contextmanager
def _opened(content: bytes, **options: bool) -> Iterator[fits.HDUList]:
    with warnings.catch_warnings():
        # Astropy warns of non-standard headers, which are normal in survey data.
        warnings.simplefilter("ignore")
        with fits.open(io.BytesIO(content), memmap=False, lazy_load_hdus=True, **options) as hdus:
            yield hdus


def _read_astropy_hdu(
    hdu: fits.ImageHDU, shape: tuple[int, ...], primary: fits.Header, content: bytes, number: int
) -> tuple[np.ndarray, Header]:
    # Cards first, because astropy rewrites the scaling cards when it reads the data.
    header = Header(cards_of(hdu.header), Header(cards_of(primary)))
    blank = hdu.header.get("BLANK") if hdu.header["BITPIX"] > 0 else None
    with np.errstate(over="ignore", invalid="ignore"):
        image = np.array(hdu.data, np.float32)
    if isinstance(blank, int):
        # astropy ignores a BLANK of 0, and any BLANK of unsigned integers.
        with _opened(content, do_not_scale_image_data=True) as hdus:
            image[hdus[number].data == blank] = np.nan
    return image.reshape(shape), header


def cards_of(header: fits.Header) -> bytes:
    """Return the cards of a header of astropy, without END."""
    return header.tostring(sep="", endcard=False, padding=False).encode("ascii", "replace")


def scaled(pixels: np.ndarray, bits: int, header: Header) -> np.ndarray:
    """Turn stored numbers into physical ones, by the rules and in the precision of `astropy.io.fits`.

    Parameters
    ----------
    pixels : numpy.ndarray
        As stored.
    bits : int
        ``BITPIX``.
    header : Header
        ``BSCALE``, ``BZERO`` and, for integers, ``BLANK`` are used.

    Returns
    -------
    numpy.ndarray, float32, of the shape of `pixels`
        Blank pixels are NaN.
    """
    scale, zero = header.real("BSCALE", 1.0), header.real("BZERO", 0.0)
    blank = header.integer("BLANK") if bits > 0 and header.has("BLANK") else None
    with np.errstate(over="ignore", invalid="ignore"):
        if scale == 1 and zero == 0 and blank is None:
            return pixels.astype(np.float32)
        if scale == 1 and zero == _UNSIGNED.get(bits):
            # astropy keeps these as integers, which is exact. It ignores BLANK, unlike FITS 4.0 (4.4.2.5).
            if bits == 64:
                raise Unusual("unsigned 64-bit integers")
            physical: np.ndarray = (pixels.astype(np.int64) + int(zero)).astype(np.float32)
        else:
            physical = pixels.astype(np.float32 if bits in (8, 16, -32) else np.float64)
            if scale != 1:
                np.multiply(physical, scale, out=physical)
            if zero != 0:
                np.add(physical, zero, out=physical)
        if blank is not None:
            physical[pixels == blank] = np.nan
        return physical.astype(np.float32, copy=False)
