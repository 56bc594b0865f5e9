"""Stamps from a service that has colour pictures only: flux recovered from the Lupton mapping."""

import threading
from pathlib import Path
from threading import Event, Lock

import numpy as np
from astropy.io import fits
from PIL import Image

from fetch.cutouts import CutoutSource
from fetch.errors import Cause, DownloadError, FetchError, Stopped
from fetch.targets import Target
from fetch.transfer import part_of, put_in_place
from preprocessing.stamp_paths import stamp_path

PICTURES = "pictures"
"""Folder of the pictures, beside the stamps."""

_WAIT = 0.2  # between two looks at whether all must stop [s]


class CompositeSource:
    """A service that returns one colour picture for one object.

    Parameters
    ----------
    source : CutoutSource
        Of the pictures (JPEG, PNG).
    bands : sequence of str
        The three bands of the picture, red first.
    folder : Path
        Gets ``pictures/{name}``: each picture is downloaded once, for three stamps.
    stretch, q : float
        Of the mapping that made the picture, see `inverse_lupton`.

    Raises
    ------
    FetchError
        If there are not three bands, or `stretch` or `q` is not above 0.
    """

    def __init__(
        self, source: CutoutSource, bands: tuple[str, ...], folder: Path, *, stretch: float, q: float
    ) -> None:
        if len(bands) != 3:
            raise FetchError(f"--composite: a picture has three bands, --bands has {len(bands)}")
        if not (0 < stretch < np.inf and 0 < q < np.inf):
            raise FetchError(f"--composite {stretch:g},{q:g}: stretch and Q must be above 0")
        self._source, self._bands, self._folder = source, bands, folder
        self._stretch, self._q = stretch, q
        self._locks: dict[str, Lock] = {}
        self._guard = threading.Lock()

    @property
    def host(self) -> str:
        """Host of the service."""
        return self._source.host

    def fetch(self, target: Target, band: str, part: Path, stop: Event) -> int:
        """Write the stamp of one band, as `fetch.stamps.StampSource` says."""
        attempts, picture = self._picture(target, stop)
        try:
            with Image.open(picture) as opened:
                rgb = np.asarray(opened.convert("RGB"))
        except (OSError, SyntaxError, Image.DecompressionBombError) as error:
            picture.unlink(missing_ok=True)
            raise DownloadError("what came is no picture (JPEG or PNG)", Cause.REFUSED) from error
        if rgb.min() == rgb.max():
            raise DownloadError("the picture has one colour only: outside the survey's footprint?")
        plane = inverse_lupton(rgb, stretch=self._stretch, q=self._q)[self._bands.index(band)]
        stamp = fits.PrimaryHDU(plane[::-1])  # rows of FITS run upwards
        stamp.header["OBJECT"] = target.name if target.name.isascii() and target.name.isprintable() else ""
        stamp.header["FILTER"] = band
        stamp.header["HISTORY"] = f"flux from a colour picture, stretch {self._stretch:g}, Q {self._q:g}"
        stamp.writeto(part, overwrite=True)
        return attempts

    def _picture(self, target: Target, stop: Event) -> tuple[int, Path]:
        """Return the attempts made and the path of a picture; threads that want the same one wait."""
        path = stamp_path(f"{self._folder}/{PICTURES}/{{name}}", target.name, "")
        with self._guard:
            lock = self._locks.setdefault(target.name, Lock())
        while not lock.acquire(timeout=_WAIT):
            if stop.is_set():
                raise Stopped
        try:
            if path.is_file():
                return 0, path
            path.parent.mkdir(exist_ok=True)
            attempts = self._source.fetch(target, "", part_of(path), stop)
            put_in_place(part_of(path), path)
            return attempts, path
        finally:
            lock.release()


def inverse_lupton(rgb: np.ndarray, *, stretch: float, q: float) -> np.ndarray:
    """Recover flux from a picture made by `astropy.visualization.make_lupton_rgb` with a minimum of 0.

    Parameters
    ----------
    rgb : ndarray, uint8, shape (H, W, 3)
    stretch, q : float
        As for `make_lupton_rgb`.

    Returns
    -------
    ndarray, float32, shape (3, H, W)
        Flux in the unit of `stretch`, the band shown red first. Where a channel of the picture is saturated
        its flux is a lower limit.

    Notes
    -----
    Lupton et al. 2004, PASP 116, 133, eq. 2: the picture is ``flux * f(I) / I`` of the mean I of the three
    bands, with ``f(I) = slope * arcsinh(q I / stretch)``. The mean of the three channels is f(I), which gives
    I, and the channels' ratios are those of the flux.
    """
    slope = 0.1 * 255.0 / np.arcsinh(0.1 * q)
    colours = rgb.astype(np.float64)
    mean = colours.mean(axis=-1, keepdims=True)
    intensity = np.sinh(mean / slope) / (q / stretch)
    flux = colours * np.divide(intensity, mean, out=np.zeros_like(mean), where=mean > 0)
    return np.moveaxis(flux, -1, 0).astype(np.float32)
