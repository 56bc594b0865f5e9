"""Read images of FITS files: the same pixels as astropy, several times as fast for ordinary files.

Files that the fast reader does not read are read by astropy in a child process. The tests compare both pixel
by pixel.
"""

import logging
import zlib

import numpy as np

from preprocessing.fits.files import StampError, detail_of, read_bytes
from preprocessing.fits.header import Header, Unusual, refuse_absurd
from preprocessing.fits.image import read_scanned
from preprocessing.fits.isolated import SHARED
from preprocessing.fits.tiles import CfitsioException
from preprocessing.locations import Location

_LOG = logging.getLogger(__name__)


def read_image(path: Location, planes: int = 1) -> tuple[np.ndarray, Header]:
    """Read the first image of a FITS file that is not constant.

    Parameters
    ----------
    path : Path or Remote
        Plain, gzip, bzip2 or tile-compressed FITS, by content.
    planes : int
        1 for a two-dimensional image; otherwise a cube of so many planes. Axes of length 1 do not count.

    Returns
    -------
    image : numpy.ndarray, float32, shape (H, W) or (planes, H, W)
        ``BSCALE`` and ``BZERO`` applied, as `astropy.io.fits` does, then rounded to float32. Integers that
        equal ``BLANK`` are NaN.
    header : Header
        Header of its HDU, with the primary header as a fallback.

    Raises
    ------
    StampError
        ``missing_file``, ``not_a_file``, ``too_large``, ``unreadable``, ``no_image`` or ``wrong_planes``.

    Notes
    -----
    Files of several HDUs often begin with an empty or zero image. If all images are constant the first is
    returned.
    """
    return decode_image(read_bytes(path), path, planes)


def decode_image(content: bytes, path: Location, planes: int = 1) -> tuple[np.ndarray, Header]:
    """Return what `read_image` does for a file that has been read; `path` is for messages."""
    try:
        try:
            return read_scanned(content, planes, path)
        except Unusual:
            pass
        except (StampError, ValueError, MemoryError, zlib.error, CfitsioException):
            raise  # damage that astropy could not read either
        except Exception:
            _LOG.exception("%s: the fast reader failed; please report this. astropy reads the file", path)
        refuse_absurd(content)
        return SHARED.read(content, planes, path)
    except StampError:
        raise
    except Exception as error:  # a damaged file must cost one object, not the run
        raise StampError("unreadable", path, f"not readable as FITS: {detail_of(error)}") from error
