"""Photometric bands of S-PLUS: their names, accepted spellings and the RGB presets."""

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple


class Band(NamedTuple):
    """A band: its name, its mean wavelength [nm], and a number that never changes.

    The number seeds the simulator's noise. A new band gets the next free number, wherever it is inserted.
    """

    name: str
    wavelength: float
    number: int


_TABLE = (
    # Wavelengths: Mendes de Oliveira et al. 2019, MNRAS 489, 241.
    Band("U", 354, 0),
    Band("F378", 377, 1),
    Band("F395", 394, 2),
    Band("F410", 409, 3),
    Band("F430", 429, 4),
    Band("G", 477, 5),
    Band("F515", 513, 6),
    Band("R", 623, 7),
    Band("F660", 661, 8),
    Band("I", 763, 9),
    Band("F861", 861, 10),
    Band("Z", 891, 11),
)

BAND_TABLE = {band.name: band for band in _TABLE}
"""Every band by its name, in order of wavelength. To add one, add a line to the table above."""

BANDS = tuple(BAND_TABLE)
"""Band names in order of wavelength."""

RGB_PRESETS = {
    "IRG": ("I", "R", "G"),
    "IGU": ("I", "G", "U"),
    "ZRG": ("Z", "R", "G"),
    "R660G": ("R", "F660", "G"),
}
"""Named colour pictures, red first."""

# The text of the published method writes F660 as R660; files are not named so.
_NARROW = re.compile(r"[FJ]?0?(\d{3})|R(660)")


def band_name(spelling: str) -> str:
    """Return the name of a band from any accepted spelling.

    Parameters
    ----------
    spelling : str
        A band, in any case; the narrow bands also as ``J0660``, ``0660``, ``F0660`` or ``660``, and F660 as
        ``R660``.

    Returns
    -------
    str
        One of `BANDS`.

    Raises
    ------
    ValueError
        If the spelling names no band.
    """
    name = spelling.strip().upper()
    narrow = _NARROW.fullmatch(name)
    if narrow:
        name = f"F{narrow[1] or narrow[2]}"
    if name not in BANDS:
        raise ValueError(f"unknown band {spelling!r}; bands are {' '.join(BANDS)}")
    return name


def in_order(bands: Iterable[str]) -> tuple[str, ...]:
    """Return bands in order of wavelength, each once."""
    return tuple(sorted(set(bands), key=BANDS.index))


def band_spellings(band: str) -> tuple[str, ...]:
    """Return the spellings of a band that may occur in file names, the band's own name first.

    Parameters
    ----------
    band : str
        One of `BANDS`.

    Returns
    -------
    tuple of str
    """
    number = band[1:]
    if not number:
        return band, band.lower()
    plain = (band, f"J0{number}", f"F0{number}", f"J{number}", f"0{number}", number)
    return *plain, *(spelling.lower() for spelling in plain[:4])


def rgb_bands(rgb: str | list[str] | tuple[str, ...]) -> tuple[str, str, str]:
    """Return the three bands of a colour picture, red first.

    Parameters
    ----------
    rgb : str or sequence of str
        A preset (``"IRG"``, ``"R660G"``), three bands as one word of broad-band letters (``"ZIR"``), three
        bands separated by commas, hyphens or blanks (``"R-F660-G"``), or a sequence of three bands.

    Returns
    -------
    tuple of str
        Three names of `BANDS`.

    Raises
    ------
    ValueError
        If this does not name three different bands.
    """
    if isinstance(rgb, str):
        word = rgb.strip().upper()
        if word in RGB_PRESETS:
            return RGB_PRESETS[word]
        parts = re.split(r"[\s,/-]+", word)
        spellings = list(word) if len(parts) == 1 and len(word) == 3 else parts
    else:
        spellings = list(rgb)
    if len(spellings) != 3:
        raise ValueError(f"{rgb!r} does not name three bands; presets are {', '.join(RGB_PRESETS)}")
    red, green, blue = (band_name(spelling) for spelling in spellings)
    if len({red, green, blue}) != 3:
        raise ValueError(f"{rgb!r} names a band twice")
    return red, green, blue


def rgb_title(rgb: str | Sequence[str]) -> str:
    """Return the name of three bands: a preset, or ``R-F660-G``."""
    bands = rgb_bands(rgb if isinstance(rgb, str) else tuple(rgb))
    return next((name for name, preset in RGB_PRESETS.items() if preset == bands), "-".join(bands))
