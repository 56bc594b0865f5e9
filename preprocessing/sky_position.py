"""Convert a sky position to a pixel of a stamp.

The fast computation is used only for a plain gnomonic projection: every card that it needs must occur once,
in the usual spelling, and there must be no other card that `astropy.wcs` would use. Any other celestial
system is left to `astropy.wcs`, which is the reference.
"""

import logging
import math
import re
from dataclasses import dataclass

import numpy as np

from preprocessing.fits.header import Header
from preprocessing.fits.isolated import SHARED, AstropyEnded

_LOG = logging.getLogger(__name__)

_CD = ("CD1_1", "CD1_2", "CD2_1", "CD2_2")
_PC = ("PC1_1", "PC1_2", "PC2_1", "PC2_2")
# The spelling in an early draft of the standard, which Pan-STARRS uses.
_PC_OF_THE_DRAFT = ("PC001001", "PC001002", "PC002001", "PC002002")
_STEPS = ("CDELT1", "CDELT2")
_REFERENCE = ("CRPIX1", "CRPIX2", "CRVAL1", "CRVAL2")
_NUMBERS = (*_REFERENCE, *_STEPS, *_CD, *_PC, *_PC_OF_THE_DRAFT, "LONPOLE", "EQUINOX", "WCSAXES")


def _keys(*names: str) -> frozenset[bytes]:
    return frozenset(name.ljust(8).encode() for name in names)


_PLACED = _keys(*_REFERENCE, *_STEPS, *_CD, *_PC, *_PC_OF_THE_DRAFT)
# Keywords of distortions, rotations and axis names that are not computed here.
_BEYOND = _keys(
    *("CROTA1", "CROTA2", "EPOCH", "RADECSYS", "LONGPOLE"),
    *(f"{order}_ORDER" for order in ("A", "B", "AP", "BP")),
    *(f"{kind}{axis}" for kind in ("CPDIS", "CQDIS", "D2IMDIS", "D2IMERR", "AXISCORR") for axis in "12"),
    *(f"{kind}{axis}_{number}" for kind in ("PV", "PS") for axis in "12" for number in range(100)),
    *(f"PROJP{number}" for number in range(10)),
    *(f"CD00{row}00{column}" for row in "123" for column in "123"),
    *(f"{kind}{pair}" for kind in ("CD", "PC") for pair in ("1_3", "2_3", "3_1", "3_2", "3_3")),
    *(f"{kind}{axis}" for kind in ("CTYPE", "CRPIX", "CRVAL", "CDELT", "CUNIT", "CROTA") for axis in "345"),
)
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([EeDd][+-]?\d{1,2})?")
_SYSTEM = re.compile(r"CTYPE|CRPIX|CRVAL|CDELT|CROTA|CUNIT|(CD|PC)(\d_\d|00\d00\d)|WCSAXES")
_CELESTIAL = re.compile(r"RA--|DEC-|[A-Z](LON|LAT)|[A-Z]{2}L[NT]")


def pixel_of(header: Header, ra: float, dec: float) -> tuple[float, float] | None:
    """Return the pixel of a position.

    Parameters
    ----------
    header : Header
        Header of the stamp. The coordinate system of the primary header is used, as a whole, only if the
        stamp has ``INHERIT = T`` and no keyword of a coordinate system.
    ra, dec : float
        ICRS [deg].

    Returns
    -------
    (float, float) or None
        x and y, where (0, 0) is the centre of the first pixel; infinite for a position outside the range of
        the projection; None if the header has no celestial coordinate system, or only its ``CTYPE``.

    Notes
    -----
    Plain gnomonic projections (Calabretta & Greisen 2002, A&A 395, 1077) in ICRS or FK5 of J2000 are computed
    here in microseconds. Any other system is left to `astropy.wcs`, which takes a millisecond. It runs in a
    child process, because some headers crash it. The position is not checked if it crashes.
    """
    header = _with_system(header)
    tangent = _plain_tangent(header)
    if tangent is not None:
        return tangent.pixel(ra, dec)
    return _by_astropy(header, ra, dec) if _is_celestial(header) else None


def celestial_header(header: Header) -> Header | None:
    """Return the header whose coordinate system counts, as in `pixel_of`; None if there is none."""
    header = _with_system(header)
    return header if _is_celestial(header) else None


def _with_system(header: Header) -> Header:
    if header.behind is not None and header.own("INHERIT") is True and not _has_system(header):
        return header.behind
    return header


def _is_celestial(header: Header) -> bool:
    types = header.own("CTYPE1"), header.own("CTYPE2")
    celestial = any(isinstance(name, str) and _CELESTIAL.match(name) for name in types)
    return celestial and (not header.plain or header.has_any(_PLACED))


def _has_system(header: Header) -> bool:
    return any(_SYSTEM.match(keyword) for keyword in header.parsed)


@dataclass(frozen=True)
class _Tangent:
    """A gnomonic projection.

    Attributes
    ----------
    reference : tuple of 4 floats
        CRPIX1, CRPIX2 [pixels, from 1], CRVAL1, CRVAL2 [deg].
    matrix : tuple of 4 floats
        From pixels to degrees, row by row.
    fk5 : bool
        Whether it is one of FK5 at J2000.
    """

    reference: tuple[float, ...]
    matrix: tuple[float, ...]
    fk5: bool

    def pixel(self, ra: float, dec: float) -> tuple[float, float]:
        x0, y0, ra0, dec0 = self.reference
        a, b, c, d = self.matrix
        if self.fk5:
            ra, dec = _fk5(ra, dec)
        delta = math.radians(ra - ra0)
        sin0, cos0 = math.sin(math.radians(dec0)), math.cos(math.radians(dec0))
        sine, cosine = math.sin(math.radians(dec)), math.cos(math.radians(dec))
        height = sin0 * sine + cos0 * cosine * math.cos(delta)  # of the position over the tangent plane
        if height <= 0:
            return math.inf, math.inf
        xi = math.degrees(cosine * math.sin(delta) / height)
        eta = math.degrees((cos0 * sine - sin0 * cosine * math.cos(delta)) / height)
        determinant = a * d - b * c
        return x0 - 1 + (d * xi - b * eta) / determinant, y0 - 1 + (a * eta - c * xi) / determinant


def _plain_tangent(header: Header) -> _Tangent | None:
    """Return the projection of an unambiguous header; None for headers that are left to astropy."""
    if header.own("CTYPE1") != "RA---TAN" or header.own("CTYPE2") != "DEC--TAN":
        return None
    if not header.plain or header.has_any(_BEYOND):
        return None
    numbers: dict[str, float] = {}
    for keyword in _NUMBERS:
        if header.has(keyword):
            text = header.spelling(keyword)
            # Of two cards astropy.io.fits takes the first and wcslib the last.
            if not _NUMBER.fullmatch(text) or not header.once(keyword):
                return None
            numbers[keyword] = float(text.upper().replace("D", "E"))
    if any(keyword not in numbers for keyword in _REFERENCE):
        return None
    if not all(header.once(keyword) for keyword in ("CTYPE1", "CTYPE2")):
        return None
    if numbers.get("LONPOLE", 180.0) != 180.0 or numbers.get("WCSAXES", 2.0) != 2.0:
        return None
    if not all(_is_once(header, keyword, "deg") for keyword in ("CUNIT1", "CUNIT2")):
        return None
    frame = header.own("RADESYS") if header.has("RADESYS") else "FK5" if "EQUINOX" in numbers else "ICRS"
    if not (frame == "ICRS" or (frame == "FK5" and numbers.get("EQUINOX") == 2000.0)):
        return None
    if header.has("RADESYS") and not header.once("RADESYS"):
        return None
    matrix = _matrix(numbers)
    reference = tuple(numbers[keyword] for keyword in _REFERENCE)
    # At the pole itself the native longitude of the pole has another default.
    if matrix is None or not abs(reference[3]) < 90.0:
        return None
    return _Tangent(reference, matrix, frame == "FK5")


def _is_once(header: Header, keyword: str, value: str) -> bool:
    return not header.has(keyword) or (header.own(keyword) == value and header.once(keyword))


def _matrix(numbers: dict[str, float]) -> tuple[float, ...] | None:
    """Return the matrix from pixels to degrees; None for mixed, missing and singular ones."""
    notations = [names for names in (_CD, _PC, _PC_OF_THE_DRAFT) if not numbers.keys().isdisjoint(names)]
    if len(notations) > 1:
        return None
    if notations == [_CD]:
        if not numbers.keys().isdisjoint(_STEPS):
            return None
        a, b, c, d = (numbers.get(name, 0.0) for name in _CD)
    else:
        if any(name not in numbers for name in _STEPS):
            return None
        names = notations[0] if notations else _PC
        a, b, c, d = (numbers.get(name, default) for name, default in zip(names, (1, 0, 0, 1), strict=True))
        first, second = (numbers[name] for name in _STEPS)
        a, b, c, d = first * a, first * b, second * c, second * d
    size = max(abs(a), abs(b), abs(c), abs(d))
    if not 1e-12 < size < 1e3 or abs(a * d - b * c) < 1e-9 * size**2:
        return None
    return a, b, c, d


def _rotation(x: float, y: float, z: float) -> np.ndarray:
    """Return the matrix of successive turns of the axes about z, y and x [milliarcsec]."""
    (cx, sx), (cy, sy), (cz, sz) = (
        (math.cos(angle), math.sin(angle)) for angle in np.radians(np.array([x, y, z]) / 3.6e6)
    )
    about_x = np.array([[1, 0, 0], [0, cx, sx], [0, -sx, cx]])
    about_y = np.array([[cy, 0, -sy], [0, 1, 0], [sy, 0, cy]])
    about_z = np.array([[cz, sz, 0], [-sz, cz, 0], [0, 0, 1]])
    return np.asarray(about_x @ about_y @ about_z)


_TO_FK5 = _rotation(19.9, 9.1, -22.9).tolist()
"""From ICRS to FK5 at J2000, 0.02 arcsec: IAU SOFA, `iauFk5hip` (Mignard & Froeschle 2000, A&A 354, 732)."""


def _fk5(ra: float, dec: float) -> tuple[float, float]:
    """Turn a position from ICRS to FK5 at J2000 [deg]."""
    longitude, latitude = math.radians(ra), math.radians(dec)
    ring = math.cos(latitude)
    vector = ring * math.cos(longitude), ring * math.sin(longitude), math.sin(latitude)
    x, y, z = (a * vector[0] + b * vector[1] + c * vector[2] for a, b, c in _TO_FK5)
    return math.degrees(math.atan2(y, x)), math.degrees(math.atan2(z, math.hypot(x, y)))


def _by_astropy(header: Header, ra: float, dec: float) -> tuple[float, float] | None:
    try:
        return SHARED.pixel_of(header.cards, ra, dec)
    except AstropyEnded as error:
        _LOG.warning("the position is not checked: astropy.wcs %s, its header", error)
        return None
