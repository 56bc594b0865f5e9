"""Paths of stamps."""

import os
from functools import lru_cache
from pathlib import Path

from preprocessing.bands import band_spellings
from preprocessing.fits.files import StampError


def stamp_path(template: str, name: str, band: str) -> Path:
    """Fill a path template for one object and band.

    Parameters
    ----------
    template : str
        Path with ``{name}`` and, unless files hold all bands, ``{band}``.
    name, band : str

    Returns
    -------
    Path

    Raises
    ------
    StampError
        With reason ``bad_name`` if the name is not a valid file name or would lead out of the stamp folder.
    """
    return Path(_fill(template, name, band))


def find_stamp(template: str, name: str, band: str) -> Path:
    """Return the path of a stamp, whatever spelling of the band its file name has.

    Parameters
    ----------
    template : str
    name : str
    band : str
        One of `preprocessing.bands.BANDS`; files may be named by any accepted spelling (``F660``, ``J0660``,
        ``0660``, ``660``, ``r``).

    Returns
    -------
    Path
        Path of the first spelling that exists; with the band's own name if none does.

    Raises
    ------
    StampError
        ``bad_name``, as in `stamp_path`.
    """
    usual = _usual_spelling(template, band)
    for spelling in (usual[0], *band_spellings(band)):
        path = _fill(template, name, spelling)
        if os.path.lexists(path):
            usual[0] = spelling
            return Path(path)
    return stamp_path(template, name, band)


@lru_cache(maxsize=64)
def _usual_spelling(template: str, band: str) -> list[str]:
    """Cache the spelling of the last file, because a survey uses one spelling throughout."""
    return [band]


def _fill(template: str, name: str, band: str) -> str:
    if not name or name in (".", "..") or any(character in name for character in "/\\\0"):
        raise StampError("bad_name", "", f"{name!r} cannot be part of a file name")
    # Not str.format: a template or a name with other braces must stay as it is.
    return template.replace("{band}", band).replace("{name}", name)
