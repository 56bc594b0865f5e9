"""The pixel grids of fields: their size and coordinate system, which all bands of a field share."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from catalog.errors import CatalogError
from catalog.fields.tables import FieldEntry, FieldFile
from preprocessing.fits.files import StampError
from preprocessing.fits.header import Header
from preprocessing.fits.isolated import SHARED, AstropyEnded
from preprocessing.fits.windows import WindowReader
from preprocessing.sky_position import celestial_header
from preprocessing.stamps import band_warnings

TOLERANCE = 0.1
"""Largest distance between the pixels of a position in two bands of a field [pixels]."""
_GRID = 5  # points along each side at which the systems of two bands are compared
_THREADS = 4
_MARGIN = 1.05  # of the radius around a field
# Of cards that define a coordinate system of two axes; there are others only beside these.
_SYSTEM = re.compile(
    r"(CTYPE|CUNIT|CRPIX|CRVAL|CDELT|CROTA)[12]$|(CD|PC)0*[12]_?0*[12]$|(PV|PS)[12]_\d+$|[AB]P?_(\d_\d|ORDER)$"
    r"|(LON|LAT)POLE$|LONGPOLE$|RADE(SYS|CSYS)$|EQUINOX$|EPOCH$|WCSAXES$"
)
_TABLES = re.compile(r"(CPDIS|CQDIS|D2IM|AXISCORR|PROJP|DP[12])")


@dataclass(frozen=True)
class Unusable:
    """Why no stamp can be cut from a field.

    Attributes
    ----------
    reason : str
        One of `preprocessing.rejects.REASONS`.
    file, message : str
    """

    reason: str
    file: str
    message: str


@dataclass(frozen=True)
class Frame:
    """The pixel grid of a field.

    Attributes
    ----------
    name : str
    files : dict of str to FieldFile
        By band.
    shape : (int, int)
        Height and width [pixels]; (0, 0) if no image of the field can be read.
    cards : bytes or None
        Cards of the header with the coordinate system; None without one.
    centre : numpy.ndarray, float64, shape (3,)
        Unit vector towards the middle of the field; zeros without a coordinate system.
    radius : float
        Angle from there that no pixel is beyond [rad].
    unusable : Unusable or None
        None if all bands that the model needs are there.
    notices : tuple of str
    """

    name: str
    files: Mapping[str, FieldFile]
    shape: tuple[int, int]
    cards: bytes | None
    centre: NDArray[np.float64]
    radius: float
    unusable: Unusable | None
    notices: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Opened:
    path: Path
    shape: tuple[int, int]
    header: Header


def open_frames(entries: Sequence[FieldEntry], bands: Sequence[str]) -> list[Frame]:
    """Read the headers of field images, and check that the bands of each field are on one pixel grid.

    Parameters
    ----------
    entries : sequence of FieldEntry
    bands : sequence of str
        Bands that the model needs.

    Returns
    -------
    list of Frame
        A field that lacks a band, or of which a file cannot be read, is `Frame.unusable`.

    Raises
    ------
    CatalogError
        If bands of a field are not on one grid, or that cannot be checked.
    """
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="fields") as pool:
        found = list(pool.map(partial(_frame_or_fault, bands=bands), entries))
    faults = [str(item) for item in found if isinstance(item, CatalogError)]
    if faults:
        more = f" ({len(faults) - 1:,} more fields have faults like this)" if len(faults) > 1 else ""
        raise CatalogError(f"{faults[0]}{more}")
    return [item for item in found if isinstance(item, Frame)]


def _frame_or_fault(entry: FieldEntry, bands: Sequence[str]) -> Frame | CatalogError:
    try:
        return _frame(entry, bands)
    except CatalogError as error:
        return error


def _frame(entry: FieldEntry, bands: Sequence[str]) -> Frame:
    unusable: Unusable | None = None
    opened: list[_Opened] = []
    notices: list[str] = []
    for band in bands:
        file = entry.files.get(band)
        if file is None:
            message = f"field {entry.name} has no image in band {band}"
            unusable = unusable or Unusable("missing_band", "", message)
            continue
        try:
            image = _opened(file.path)
            if file.weight is not None:
                weight = _opened(file.weight)
                if weight.shape != image.shape:
                    raise CatalogError(f"field {entry.name}: {_sizes(image, weight)}")
            warnings = band_warnings(image.header, band, file.path, "--fields")
            notices += [f"{file.path}: {warning.message}; --fields counts" for warning in warnings]
            opened.append(image)
        except StampError as error:
            message = f"field {entry.name}: {error.message}"
            unusable = unusable or Unusable(error.reason, error.path, message)
    if not opened:
        return Frame(entry.name, entry.files, (0, 0), None, np.zeros(3), 0.0, unusable)
    first, *others = opened
    for other in others:
        if other.shape != first.shape:
            raise CatalogError(
                f"field {entry.name}: the bands are not on one pixel grid: {_sizes(first, other)}"
            )
    cards, ra, dec = _common_system(entry.name, opened)
    if cards is None:
        return Frame(entry.name, entry.files, first.shape, None, np.zeros(3), 0.0, unusable, tuple(notices))
    centre, radius = _circle(ra, dec)
    return Frame(entry.name, entry.files, first.shape, cards, centre, radius, unusable, tuple(notices))


def _opened(path: Path) -> _Opened:
    reader = WindowReader(path)
    return _Opened(path, reader.shape, reader.header)


def _sizes(first: _Opened, second: _Opened) -> str:
    one, other = (f"{image.path} has {image.shape[1]} x {image.shape[0]} pixels" for image in (first, second))
    return f"{one}, {other}"


def _common_system(
    name: str, images: Sequence[_Opened]
) -> tuple[bytes | None, NDArray[np.float64], NDArray[np.float64]]:
    """Return the cards of the first image's system, and the positions of points of its grid."""
    none = np.empty(0)
    headers = [celestial_header(image.header) for image in images]
    without = [image for image, header in zip(images, headers, strict=True) if header is None]
    if len(without) == len(images):
        return None, none, none
    x, y = (axis.reshape(-1) for axis in np.meshgrid(*(_ends(length) for length in images[0].shape[::-1])))
    first: Header | None = None
    for image, header in zip(images, headers, strict=True):
        if header is None or without:
            having = next(other for other in images if other not in without)
            raise CatalogError(
                f"field {name}: {having.path} has a coordinate system and {without[0].path} has none, so it"
                " cannot be checked whether they are on one pixel grid"
            )
        try:
            if first is None:
                first = header
                ra, dec, _, _ = SHARED.compared(header.cards, header.cards, x, y)
                continue
            if _same_cards(first, header):
                continue
            *_, other_x, other_y = SHARED.compared(first.cards, header.cards, x, y)
        except (ValueError, AstropyEnded) as error:
            raise CatalogError(
                f"field {name}: astropy cannot read the coordinate system of {image.path}: {error}"
            ) from None
        known = np.isfinite(ra)
        distance = np.hypot(other_x - x, other_y - y)[known]
        worst = float(np.where(np.isfinite(distance), distance, np.inf).max(initial=0.0))
        if worst > TOLERANCE:
            raise CatalogError(
                f"field {name}: the bands are not on one pixel grid: {images[0].path} and {image.path} differ"
                f" by up to {worst:.3g} pixels, limit {TOLERANCE:g}; resample them to one grid"
            )
    assert first is not None
    if not np.isfinite(ra).any():
        raise CatalogError(f"field {name}: no pixel of {images[0].path} has a position on the sky")
    return first.cards, ra, dec


def _ends(length: int) -> NDArray[np.float64]:
    return np.linspace(-0.5, length - 0.5, _GRID)


def _same_cards(first: Header, second: Header) -> bool:
    """Return whether two headers have the same coordinate system, card by card."""
    if not first.plain or not second.plain:
        return False
    cards = []
    for header in (first, second):
        texts = [header.cards[place : place + 80] for place in range(0, len(header.cards), 80)]
        keyed = [(text[:8].decode("ascii", "replace").rstrip(), text[8:]) for text in texts]
        if any(_TABLES.match(keyword) for keyword, _ in keyed):
            return False
        cards.append(
            [(keyword, text.split(b"/")[0].strip()) for keyword, text in keyed if _SYSTEM.match(keyword)]
        )
    return sorted(cards[0]) == sorted(cards[1])


def _circle(ra: NDArray[np.float64], dec: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """Return the unit vector towards the middle of some points, and the angle that none is beyond."""
    known = np.isfinite(ra) & np.isfinite(dec)
    points = unit_vectors(ra[known], dec[known])
    middle = points.mean(axis=0)
    size = float(np.linalg.norm(middle))
    if not known.all() or size < 0.1:  # an image of much of the sky
        return np.array([0.0, 0.0, 1.0]), float(np.pi)
    middle /= size
    # By the chord, because the cosine of a small angle is 1.
    chord = float(np.linalg.norm(points - middle, axis=1).max())
    return middle, min(float(np.pi), _MARGIN * 2 * float(np.arcsin(min(1.0, chord / 2))))


def unit_vectors(ra: NDArray[np.float64], dec: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return unit vectors, shape (n, 3), of positions [deg]."""
    longitude, latitude = np.radians(ra), np.radians(dec)
    ring = np.cos(latitude)
    return np.column_stack([ring * np.cos(longitude), ring * np.sin(longitude), np.sin(latitude)])


def field_notices(frames: Sequence[Frame]) -> list[str]:
    """Return what a user should know of the fields, one sentence for each kind."""
    notices = []
    if unusable := [frame for frame in frames if frame.unusable]:
        reasons = Counter(frame.unusable.reason for frame in unusable if frame.unusable)
        listed = ", ".join(f"{count} {reason}" for reason, count in reasons.most_common())
        first = unusable[0].unusable
        assert first is not None
        place = f"{first.file}: " if first.file else ""
        notices.append(
            f"{len(unusable):,} of {len(frames):,} fields cannot be used ({listed}), first: {place}"
            f"{first.message}"
        )
    if without := [frame for frame in frames if frame.cards is None and frame.shape != (0, 0)]:
        notices.append(
            f"{len(without):,} of {len(frames):,} fields have no coordinate system, first {without[0].name}:"
            " they serve only sources with field, x and y"
        )
    contradicted = [notice for frame in frames for notice in frame.notices]
    if contradicted:
        more = f" ({len(contradicted) - 1:,} more images like this)" if len(contradicted) > 1 else ""
        notices.append(f"{contradicted[0]}{more}")
    return notices
