"""Photometric bands of S-PLUS: their names, accepted spellings and the RGB presets."""

import re

BANDS = ("U", "F378", "F395", "F410", "F430", "G", "F515", "R", "F660", "I", "F861", "Z")
"""Band names in order of wavelength."""

RGB_PRESETS = {
    "IRG": ("I", "R", "G"),
    "IGU": ("I", "G", "U"),
    "ZRG": ("Z", "R", "G"),
    "R660G": ("R", "F660", "G"),
}
"""Named colour pictures, red first."""

_NARROW = re.compile(r"[FJ]?0?(\d{3})")


def band_name(spelling: str) -> str:
    """Return the name of a band from any accepted spelling.

    Parameters
    ----------
    spelling : str
        A band, in any case; the narrow bands also as ``J0660``, ``0660``, ``F0660`` or ``660``.

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
        name = f"F{narrow[1]}"
    if name not in BANDS:
        raise ValueError(f"unknown band {spelling!r}; bands are {' '.join(BANDS)}")
    return name


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
