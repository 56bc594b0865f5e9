"""Read a table of labelled galaxies."""

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from astropy.table import Table

from components.fits_example_gen.settings import DataSettings
from preprocessing.features import ELLIPTICAL, NO_LABEL, SPIRAL

SMOOTH = "t01_smooth_or_features_a01_smooth_debiased"
FEATURES = "t01_smooth_or_features_a02_features_or_disk_debiased"
SPIRAL_ARMS = "t04_spiral_a08_spiral_debiased"

_NAMES = ("name", "objid", "dr7objid", "id")
_RIGHT_ASCENSIONS = ("ra", "ra_j2000", "raj2000")
_DECLINATIONS = ("dec", "dec_j2000", "decj2000", "dej2000")
_MAGNITUDES = ("magnitude", "mag", "petromag_r", "petromag_mr", "r_auto", "r_petro")
_CODES = {"spiral": SPIRAL, "elliptical": ELLIPTICAL, "uncertain": NO_LABEL}
_CODES |= {str(code): code for code in (SPIRAL, ELLIPTICAL, NO_LABEL)}
_MAGNITUDE_SENTINEL = 90.0  # SExtractor writes 99 and SDSS -9999 where nothing was measured


class TableError(Exception):
    """A label table that cannot be used at all; the message is one sentence that names the file."""


@dataclass(frozen=True)
class LabelledObject:
    """One row of the table.

    Attributes
    ----------
    row : int
        Number of the row, from 1.
    name : str
    label : int or None
        0 spiral, 1 elliptical, -1 none; None if the row says nothing that can be understood.
    problem : str
        Why `label` is None.
    ra, dec : float
        Position, J2000 [deg]; NaN if unknown.
    magnitude : float
        NaN if unknown.
    vote_elliptical : float
        Elliptical's share of the votes for either class; NaN if the table has no votes.
    """

    row: int
    name: str
    label: int | None
    problem: str
    ra: float
    dec: float
    magnitude: float
    vote_elliptical: float


def read_labels(settings: DataSettings) -> list[LabelledObject]:
    """Read the label table.

    Parameters
    ----------
    settings : DataSettings
        `labels`, `label_format` and `vote_threshold` are used.

    Returns
    -------
    list of LabelledObject
        Every row of the table, in its order; about 0.3 kB of memory each.

    Raises
    ------
    TableError
        If the table is missing, unreadable, empty, or lacks the columns of its format.

    Notes
    -----
    Galaxy Zoo 2 (Willett et al. 2013, MNRAS 435, 2835; Hart et al. 2016, MNRAS 461, 3663): a galaxy is
    elliptical where the debiased fraction `smooth` reaches the threshold, spiral where both
    `features or disk` and `spiral arms` do, and uncertain otherwise.
    """
    path = Path(settings.labels)
    table = _read_table(path)
    columns = {name.lower(): name for name in table.colnames}
    name_column = _find(columns, _NAMES)
    if name_column is None:
        raise TableError(f"{path} has no column of object names (one of {', '.join(_NAMES)})")
    label_of = _label_reader(path, columns, settings)
    ra, dec, magnitude = (
        _floats(table, _find(columns, candidates))
        for candidates in (_RIGHT_ASCENSIONS, _DECLINATIONS, _MAGNITUDES)
    )
    magnitude[np.abs(magnitude) >= _MAGNITUDE_SENTINEL] = np.nan
    objects = []
    for index, (name, (label, problem, vote)) in enumerate(
        zip(_names(path, table, name_column), label_of(table), strict=True)
    ):
        objects.append(
            LabelledObject(
                row=index + 1,
                name=name,
                label=label,
                problem=problem,
                ra=float(ra[index]),
                dec=float(dec[index]),
                magnitude=float(magnitude[index]),
                vote_elliptical=vote,
            )
        )
    return objects


def _read_table(path: Path) -> Table:
    if not path.is_file():
        raise TableError(f"{path} does not exist" if not path.exists() else f"{path} is not a file")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            table = Table.read(path, format="ascii.csv") if _is_csv(path) else Table.read(path)
    except Exception as error:
        detail = " ".join(str(error).split())[:200] or type(error).__name__
        raise TableError(f"{path} is not readable as a table: {detail}") from error
    if len(table) == 0:
        raise TableError(f"{path} has no rows")
    return table


def _is_csv(path: Path) -> bool:
    return path.name.lower().removesuffix(".gz").endswith((".csv", ".txt"))


def _names(path: Path, table: Table, column: str) -> list[str]:
    """Return object names as the file spells them: read as numbers, 00123 and 1.10 would be 123 and 1.1."""
    if not (_is_csv(path) and np.issubdtype(table[column].dtype, np.number)):
        return _texts(table, column)
    texts = Table.read(
        path, format="ascii.csv", include_names=[column], converters={column: str}, fast_reader=False
    )
    return _texts(texts, column)


_Labels = list[tuple[int | None, str, float]]


def _label_reader(path: Path, columns: dict[str, str], settings: DataSettings) -> Callable[[Table], _Labels]:
    label_format = settings.label_format
    if label_format == "auto":
        label_format = "gz2" if SMOOTH in columns else "simple"
    needed = (SMOOTH, FEATURES, SPIRAL_ARMS) if label_format == "gz2" else ("label",)
    missing = [name for name in needed if name not in columns]
    if missing:
        raise TableError(f"{path} has no column {missing[0]!r}, which label_format {label_format!r} needs")
    if label_format == "simple":
        return lambda table: [_from_word(text) for text in _texts(table, columns["label"])]
    votes = [columns[name] for name in needed]

    def from_votes(table: Table) -> _Labels:
        smooth, features, arms = (_floats(table, name) for name in votes)
        return [
            _from_votes(*row, settings.vote_threshold) for row in zip(smooth, features, arms, strict=True)
        ]

    return from_votes


def _from_word(text: str) -> tuple[int | None, str, float]:
    code = _CODES.get(text.lower())
    return code, "" if code is not None else f"label {text!r} is none of {', '.join(_CODES)}", math.nan


def _from_votes(
    smooth: float, features: float, arms: float, threshold: float
) -> tuple[int | None, str, float]:
    if not (math.isfinite(smooth) and math.isfinite(features)):
        return None, f"vote fractions are not numbers (smooth {smooth}, features {features})", math.nan
    # Nobody is asked about arms where everybody says smooth, so a missing answer means none were seen.
    spiral = features * arms if math.isfinite(arms) else 0.0
    label = NO_LABEL
    if smooth >= threshold:
        label = ELLIPTICAL
    elif features >= threshold and arms >= threshold:
        label = SPIRAL
    return label, "", float(smooth / (smooth + spiral)) if smooth + spiral > 0 else math.nan


def _find(columns: dict[str, str], candidates: tuple[str, ...]) -> str | None:
    return next((columns[name] for name in candidates if name in columns), None)


def _texts(table: Table, column: str) -> list[str]:
    values: Any = table[column]
    filled = [("" if value is np.ma.masked else value) for value in values]
    return [
        (value.decode(errors="replace") if isinstance(value, bytes) else str(value)).strip()
        for value in filled
    ]


def _floats(table: Table, column: str | None) -> np.ndarray:
    if column is None:
        return np.full(len(table), np.nan)
    try:
        return np.ma.filled(np.ma.asarray(table[column]).astype(np.float64), np.nan)
    except (TypeError, ValueError):
        # A column with a stray word is text to the reader: keep the numbers, drop the words.
        return np.array([_number(text) for text in _texts(table, column)])


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan
