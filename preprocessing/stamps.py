"""FITS stamps: where they are, what they hold, and whether it is fit for use."""

import os
import stat
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from astropy.io import fits
from astropy.stats import mad_std

MAX_FILE_BYTES = 2**28
"""A stamp is a few hundred kilobytes; a file above this (256 MiB) is none, and would stall a run."""
MAX_SIDE = 8192
"""Longest side of an image that is read [pixels]."""


class StampError(Exception):
    """A stamp that cannot be used.

    Parameters
    ----------
    reason : str
        Reason code, as it stands in ``rejects.csv`` (see ``docs/ingest.md``).
    path : str or Path
        The file.
    message : str
        One sentence for a person.
    """

    def __init__(self, reason: str, path: str | Path, message: str) -> None:
        super().__init__(reason, str(path), message)
        self.reason, self.path, self.message = reason, str(path), message


@dataclass(frozen=True)
class Plane:
    """One band of one object, cut to size.

    Attributes
    ----------
    flux : numpy.ndarray, float32, shape (side, side)
        Flux [units of the file]; blank pixels are NaN.
    height, width : int
        Size of the whole image before the cut [pixels].
    mean, noise : float
        Mean flux and noise (scaled median absolute deviation) of the finite pixels [units of the file].
    saturated, blank : float
        Fraction of pixels at or above the header's ``SATURATE``, and of pixels that are NaN or infinite.
    """

    flux: np.ndarray
    height: int
    width: int
    mean: float
    noise: float
    saturated: float
    blank: float


def stamp_path(template: str, name: str, band: str) -> Path:
    """Fill a path template for one object and band.

    Parameters
    ----------
    template : str
        Path with ``{name}`` and ``{band}``.
    name, band : str

    Returns
    -------
    Path

    Raises
    ------
    StampError
        With reason ``bad_name`` if the name could lead out of the stamp folder or is no file name at all.
    """
    if not name or name in (".", "..") or any(character in name for character in "/\\\0"):
        raise StampError("bad_name", "", f"{name!r} cannot be part of a file name")
    # Not str.format: a template or a name with other braces must stay as it is.
    return Path(template.replace("{band}", band).replace("{name}", name))


def read_image(path: Path) -> tuple[np.ndarray, fits.Header]:
    """Read the first two-dimensional image of a FITS file.

    Parameters
    ----------
    path : Path

    Returns
    -------
    image : numpy.ndarray, float32, shape (H, W)
        ``BSCALE``, ``BZERO`` and ``BLANK`` applied.
    header : astropy.io.fits.Header
        The header it came with.

    Raises
    ------
    StampError
        ``missing_file``, ``not_a_file``, ``too_large``, ``unreadable`` or ``no_image``.
    """
    _check_file(path)
    try:
        with warnings.catch_warnings():
            # Non-standard headers, of which astropy warns, are normal in survey data.
            warnings.simplefilter("ignore")
            with fits.open(path, memmap=False, lazy_load_hdus=True) as hdus:
                for hdu in hdus:
                    if not hdu.is_image or len(shape := hdu.shape) != 2 or 0 in shape:
                        continue
                    if max(shape) > MAX_SIDE:
                        raise StampError(
                            "too_large", path, f"image of {shape[1]} x {shape[0]} pixels, limit {MAX_SIDE}"
                        )
                    return np.asarray(hdu.data, dtype=np.float32), hdu.header
    except StampError:
        raise
    except (
        Exception
    ) as error:  # Whatever a damaged file makes astropy raise, it costs one object, not the run.
        detail = " ".join(str(error).split()) or type(error).__name__
        raise StampError("unreadable", path, f"not readable as FITS: {detail}") from error
    raise StampError("no_image", path, "no two-dimensional image in any HDU")


def read_plane(path: Path, *, side: int, max_blank: float) -> Plane:
    """Read one stamp, cut its centre out and measure it.

    Parameters
    ----------
    path : Path
    side : int
        Side of the square to keep [pixels].
    max_blank : float
        Largest fraction of NaN or infinite pixels that is accepted.

    Returns
    -------
    Plane

    Raises
    ------
    StampError
        Those of `read_image`, and ``too_small``, ``too_blank`` or ``constant``.
    """
    image, header = read_image(path)
    height, width = image.shape
    if min(height, width) < side:
        raise StampError("too_small", path, f"{width} x {height} pixels, the cut needs {side} x {side}")
    flux = np.ascontiguousarray(centre_cut(image, side))
    finite = np.isfinite(flux)
    blank = float(flux.size - np.count_nonzero(finite)) / flux.size
    if blank > max_blank:
        raise StampError("too_blank", path, f"{blank:.1%} of the pixels are blank, limit {max_blank:.1%}")
    pixels = flux[finite]
    if pixels.min() == pixels.max():
        raise StampError("constant", path, f"every pixel is {pixels[0]:g}")
    saturation = header.get("SATURATE")
    usable = isinstance(saturation, int | float) and saturation > 0
    return Plane(
        flux=flux,
        height=height,
        width=width,
        mean=float(pixels.mean(dtype=np.float64)),
        noise=float(mad_std(pixels)),
        saturated=float(np.count_nonzero(pixels >= saturation)) / flux.size if usable else 0.0,
        blank=blank,
    )


def read_planes(
    template: str, name: str, bands: Sequence[str], *, side: int, max_blank: float
) -> dict[str, Plane]:
    """Read the stamps of one object.

    Parameters
    ----------
    template : str
        Path with ``{name}`` and ``{band}``.
    name : str
    bands : sequence of str
    side, max_blank
        As in `read_plane`.

    Returns
    -------
    dict of Plane
        By band.

    Raises
    ------
    StampError
        Of the first band that cannot be used.
    """
    return {
        band: read_plane(stamp_path(template, name, band), side=side, max_blank=max_blank) for band in bands
    }


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


def _check_file(path: Path) -> None:
    try:
        status = os.stat(path)
    except FileNotFoundError:
        raise StampError("missing_file", path, "no such file") from None
    except (OSError, ValueError) as error:
        raise StampError("not_a_file", path, f"cannot be looked at: {error}") from None
    if not stat.S_ISREG(status.st_mode):
        raise StampError("not_a_file", path, "not a regular file")
    if status.st_size > MAX_FILE_BYTES:
        raise StampError("too_large", path, f"{status.st_size:,} bytes, limit {MAX_FILE_BYTES:,}")
