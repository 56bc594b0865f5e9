"""FITS stamps: headers like those of S-PLUS, files, and kinds of damage to files."""

from datetime import date, timedelta
from pathlib import Path

import numpy as np

from simulation.fields import MOFFAT_BETA, PIXEL_SCALE, Field

DAMAGES = ("truncated", "zero_bytes", "html_page", "all_nan", "missing_band")
"""Kinds of damage to one file of an object. An object without any files has the damage ``no_files``."""

Card = tuple[str, str | float | bool, str]
"""Keyword, value and comment; a keyword with blanks becomes a HIERARCH card."""

_BLOCK = 2880
_ERROR_PAGE = b"""<!DOCTYPE html>
<html><head><title>502 Bad Gateway</title></head>
<body><h1>Bad Gateway</h1><p>The proxy received an invalid response from an upstream server.</p></body></html>
"""


def stamp_header(name: str, field: Field, band: str, corner: tuple[int, int]) -> list[Card]:
    """Return the header of one stamp.

    Parameters
    ----------
    name : str
        The object's name.
    field : Field
        The field that the stamp was cut from.
    band : str
        Band name.
    corner : tuple of int
        Tile column and row of the stamp's first pixel [pixels, counted from 1].

    Returns
    -------
    list of tuple
        Keywords and units of S-PLUS stamps, except for those that describe the array. As in S-PLUS, the
        reference point of the coordinates is the centre of the field, and there is no zero point.
    """
    reference_x, reference_y = field.reference_pixel(*corner)
    observed = date(1858, 11, 17) + timedelta(days=field.modified_julian_date)
    return [
        ("OBJECT", name, "name of observed object"),
        ("FILTER", band, "Filter"),
        ("TELESCOP", "T80", "Telescope Model"),
        ("INSTRUME", "T80Cam", "Custom. Name of instrument"),
        ("ORIGIN", "galmorph", "Simulated, not observed"),
        ("TILE", field.name, "Field the stamp was cut from"),
        ("X0TILE", float(corner[0]), "Tile column of the first pixel"),
        ("Y0TILE", float(corner[1]), "Tile row of the first pixel"),
        ("PIXSCALE", PIXEL_SCALE, "[arcsec] Width of a pixel"),
        ("SATURATE", field.saturation[band], "Saturation Level (ADU)"),
        ("EXPTIME", 1.0, "Normalized exposure time"),
        ("EQUINOX", 2000.0, "Mean equinox"),
        ("RADESYS", "ICRS", "Equatorial coordinate system"),
        ("CTYPE1", "RA---TAN", "Coordinate type code"),
        ("CUNIT1", "deg", "Units of coordinate increment and value"),
        ("CRVAL1", field.ra, "Coordinate value at reference point"),
        ("CRPIX1", reference_x, "Pixel coordinate of reference point"),
        ("CD1_1", -PIXEL_SCALE / 3600, "Linear projection matrix"),
        ("CD1_2", 0.0, "Linear projection matrix"),
        ("CTYPE2", "DEC--TAN", "Coordinate type code"),
        ("CUNIT2", "deg", "Units of coordinate increment and value"),
        ("CRVAL2", field.dec, "Coordinate value at reference point"),
        ("CRPIX2", reference_y, "Pixel coordinate of reference point"),
        ("CD2_1", 0.0, "Linear projection matrix"),
        ("CD2_2", PIXEL_SCALE / 3600, "Linear projection matrix"),
        ("MJD-OBS", float(field.modified_julian_date), "[d] MJD of observation"),
        ("DATE-OBS", observed.isoformat(), "ISO-8601 date of observation"),
        ("OAJ QC NCNOISE", field.sky_noise[band], "Noise estim (ADU)"),
        ("OAJ PRO FWHMMEAN", field.seeing[band], "FWHM arcsec mean"),
        ("OAJ PRO FWHMBETA", MOFFAT_BETA, "PSFex beta"),
        ("OAJ PRO ELLIPMEAN", field.ellipticity, "PSFex Ellip"),
    ]


def _card_text(keyword: str, value: str | float | bool, comment: str) -> str:
    """Return one header card of 80 characters (Pence et al. 2010, A&A 524, A42, section 4)."""
    if isinstance(value, bool):
        text = "T" if value else "F"
    elif isinstance(value, str):
        text = f"'{value:<8}'"
    else:
        text = repr(value).upper()
    if " " in keyword:
        card = f"HIERARCH {keyword} = {text} / {comment}"
    elif isinstance(value, str):
        card = f"{keyword:<8}= {text:<20} / {comment}"
    else:
        card = f"{keyword:<8}= {text:>20} / {comment}"
    return f"{card:<80}"[:80]


def encode_fits(plane: np.ndarray, header: list[Card]) -> bytes:
    """Return the content of a FITS file with one image in its primary HDU.

    Parameters
    ----------
    plane : numpy.ndarray
        Counts, shape (height, width), stored as 32-bit floats.
    header : list of tuple
        What `stamp_header` returns.

    Returns
    -------
    bytes
        The file. It is not written with astropy, which takes 10 ms for the header, longer than drawing the
        image. A test verifies the result with astropy.
    """
    height, width = plane.shape
    array: list[Card] = [
        ("SIMPLE", True, "conforms to FITS standard"),
        ("BITPIX", -32, "array data type"),
        ("NAXIS", 2, "number of array dimensions"),
        ("NAXIS1", width, "width"),
        ("NAXIS2", height, "height"),
    ]
    text = "".join(_card_text(*card) for card in array + header) + f"{'END':<80}"
    head, data = text.encode("ascii"), plane.astype(">f4").tobytes()
    return head + b" " * (-len(head) % _BLOCK) + data + b"\0" * (-len(data) % _BLOCK)


def write_stamp(path: Path, plane: np.ndarray, header: list[Card], damage: str = "") -> None:
    """Write one stamp, damaged if requested.

    Parameters
    ----------
    path : pathlib.Path
        File to write.
    plane : numpy.ndarray
        Counts, shape (height, width), float32.
    header : list of tuple
        What `stamp_header` returns.
    damage : str
        One of `DAMAGES`, or empty for an undamaged file.
    """
    if damage == "missing_band":
        return
    if damage == "zero_bytes":
        content = b""
    elif damage == "html_page":
        content = _ERROR_PAGE
    elif damage == "all_nan":
        content = encode_fits(np.full_like(plane, np.nan), header)
    else:
        content = encode_fits(plane, header)
        if damage == "truncated":
            # After the header and not at the end of a block, like an interrupted download.
            content = content[: len(content) * 5 // 9 + 17]
    path.write_bytes(content)
