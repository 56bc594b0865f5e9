"""The objects to classify, from a table or from the names of files."""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from preprocessing.labels.matching import NAMES
from preprocessing.labels.sky_positions import DECLINATIONS, RIGHT_ASCENSIONS, sky_positions
from preprocessing.locations import Location
from preprocessing.tables.files import TableError, TableFile
from serving.predict.errors import PredictError


@dataclass(frozen=True)
class Objects:
    """The objects, in the order of the output.

    Attributes
    ----------
    names : sequence of str
    ra, dec : numpy.ndarray, float64
        J2000 [deg]; NaN if unknown.
    problems : dict of int to (str, str)
        Reason code and message of the rows that cannot be classified, by index.
    notices : tuple of str
        What a user should know of the table.
    """

    names: Sequence[str]
    ra: NDArray[np.float64]
    dec: NDArray[np.float64]
    problems: dict[int, tuple[str, str]]
    notices: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.names)

    def position(self, row: int) -> tuple[float, float]:
        """Return right ascension and declination of a row."""
        return float(self.ra[row]), float(self.dec[row])

    @property
    def digest(self) -> str:
        """Digest of names and positions, in their order."""
        digest = hashlib.sha256("\0".join(self.names).encode(errors="surrogatepass"))
        for angles in (self.ra, self.dec):
            digest.update(angles.tobytes())
        return digest.hexdigest()


def objects_of_names(names: Sequence[str]) -> Objects:
    """Return objects of unknown position."""
    unknown = np.full(len(names), math.nan)
    return Objects(names, unknown, unknown, {})


def read_objects(path: Location) -> Objects:
    """Read a table of objects.

    Parameters
    ----------
    path : Path or Remote
        Table with a column of names, and optionally of positions, as `preprocessing.tables` and
        `preprocessing.labels.sky_positions` read them.

    Returns
    -------
    Objects
        One for each row. Rows without a name, and rows that repeat a name, have a problem.

    Raises
    ------
    PredictError
        If the table cannot be read, is empty, or has no column of names.
    """
    try:
        with TableFile(path) as table:
            name = table.find(NAMES)
            if name is None:
                raise PredictError(
                    f"{table.missing(NAMES[:1], '--table')} (or one of {', '.join(NAMES[1:])})"
                )
            ra, dec = table.find(RIGHT_ASCENSIONS), table.find(DECLINATIONS)
            columns = table.read([name], [ra, dec])
        names = columns.identifiers(name)
        positions = sky_positions(columns, ra, dec)
    except TableError as error:
        raise PredictError(str(error)) from error
    given = [columns.texts(column) for column in (ra, dec) if column is not None]
    return Objects(names, *positions, _problems(names), position_notices(path, positions[0], given))


def position_notices(
    path: Location, ra: NDArray[np.float64], given: Sequence[Sequence[str]]
) -> tuple[str, ...]:
    """Return a notice if cells hold something that is no position.

    Parameters
    ----------
    path : Path or Remote
        The table.
    ra : numpy.ndarray, float64
        Right ascension of each row; NaN if unknown.
    given : sequence of sequence of str
        The texts in each column of angles.
    """
    lost = [row for row in np.flatnonzero(np.isnan(ra)).tolist() if any(texts[row] for texts in given)]
    if not lost:
        return ()
    first = ", ".join(texts[lost[0]][:40] for texts in given)
    return (
        f"{path}: {len(lost):,} of {len(ra):,} positions cannot be used, first in row {lost[0] + 1}"
        f" ({first}); these objects count as without position",
    )


def _problems(names: Sequence[str]) -> dict[int, tuple[str, str]]:
    problems: dict[int, tuple[str, str]] = {}
    first: dict[str, int] = {}
    for row, name in enumerate(names):
        if not name:
            problems[row] = "no_name", f"row {row + 1} of the table has no object name"
        elif first.setdefault(name, row) != row:
            message = f"row {row + 1} repeats the name of row {first[name] + 1}, which is classified"
            problems[row] = "duplicate_name", message
    return problems
