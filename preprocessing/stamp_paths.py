"""Paths of stamps."""

import os
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from preprocessing.bands import band_spellings
from preprocessing.fits.files import StampError
from preprocessing.locations import Location, location


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


def stamp_location(template: str, name: str, band: str) -> Location:
    """Do what `stamp_path` does; the template may be a URI, too."""
    return location(_fill(template, name, band))


def find_stamp(template: str, name: str, band: str) -> Path:
    """Return the path of a stamp, whatever spelling of the band its file name has.

    Parameters
    ----------
    template : str
        A path. Objects of a store are found by reading or listing them, see `preprocessing.stamp_files`.
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
    usual = usual_spelling(template, band)
    for spelling in (usual[0], *band_spellings(band)):
        path = _fill(template, name, spelling)
        if os.path.lexists(path):
            usual[0] = spelling
            return Path(path)
    return stamp_path(template, name, band)


def possible_stamps(template: str, name: str, band: str) -> Iterator[tuple[str, Location]]:
    """Yield each spelling of the band, the usual one first, and where the stamp lies if so spelled."""
    usual = usual_spelling(template, band)[0]
    for spelling in dict.fromkeys((usual, *band_spellings(band)) if "{band}" in template else ("",)):
        yield spelling, stamp_location(template, name, spelling)


@lru_cache(maxsize=64)
def usual_spelling(template: str, band: str) -> list[str]:
    """Return the spelling of the last file, in a list to change it: a survey uses one spelling throughout."""
    return [band]


def _fill(template: str, name: str, band: str) -> str:
    if not name or name in (".", "..") or any(character in name for character in "/\\\0"):
        raise StampError("bad_name", "", f"{name!r} cannot be part of a file name")
    # Not str.format: a template or a name with other braces must stay as it is.
    return template.replace("{band}", band).replace("{name}", name)
