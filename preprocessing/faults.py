"""Turn unexpected exceptions into rejects of one object, so that they do not end the run."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from preprocessing.fits.files import StampError
from preprocessing.locations import Location
from preprocessing.storage_errors import StorageError

_LOG = logging.getLogger(__name__)


@contextmanager
def as_reject(name: str, path: Location | str) -> Iterator[None]:
    """Turn any exception into the reject of one object, so that it does not end the run."""
    try:
        yield
    except (StampError, StorageError):
        raise
    except Exception as error:
        raise own_fault(name, path, error) from error


def own_fault(name: str, path: Location | str, error: Exception) -> StampError:
    """Log an unexpected exception, and return it as the reject of one object.

    Parameters
    ----------
    name : str
        Name of the object.
    path : Path, Remote or str
        The file that was being read.
    error : Exception

    Returns
    -------
    StampError
        With the reason ``internal_error``.
    """
    _LOG.error("%s, %s: galmorph failed on it; please report this", name, path, exc_info=error)
    cause = " ".join(f"{type(error).__name__}: {error}".split())[:300]
    return StampError("internal_error", path, f"galmorph failed on it, please report this: {cause}")
