"""The galaxies on which two runs can be compared: those that neither has learned from."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from evaluation.formats.predictions import Predictions
from preprocessing.features import SPLITS, TEST

SAME_PLACE = 10.0
"""Farther apart, galaxies of one name are two [arcsec]: two surveys may count their galaxies alike."""

ABSENT, OTHER_LABEL, OTHER_PLACE = "absent", "another label", "another place"


@dataclass(frozen=True)
class Common:
    """The common test galaxies of two runs, N of them, in the order of the one's table.

    Attributes
    ----------
    names : list of str
    labels : ndarray of int, shape (N,)
        0 spiral, 1 elliptical.
    one, other : ndarray of float64, shape (N,)
        Probability of elliptical by either run.
    of_one, of_other : mapping of str to int
        What became of the test galaxies of either: how many are common (``test``), and how many are not,
        because in the other run they are in another split, `ABSENT`, or bear `OTHER_LABEL` or have
        `OTHER_PLACE`.
    """

    names: list[str]
    labels: np.ndarray
    one: np.ndarray
    other: np.ndarray
    of_one: Mapping[str, int]
    of_other: Mapping[str, int]

    @property
    def same_split(self) -> bool:
        """Whether both runs were tested on these galaxies and no others."""
        return all(set(counts) <= {TEST} for counts in (self.of_one, self.of_other))


def common_galaxies(one: Predictions, other: Predictions) -> Common:
    """Find the galaxies that are in the test split of two runs, under the same label at the same place.

    Parameters
    ----------
    one, other : Predictions

    Returns
    -------
    Common
    """
    rows, found, fate = _matched(one, other)
    common = fate == TEST
    rows, found = rows[common], found[common]
    return Common(
        one.names.take(pa.array(rows)).to_pylist(),
        one.labels[rows].astype(int),
        one.p_elliptical[rows],
        other.p_elliptical[found],
        _counted(fate),
        _counted(_matched(other, one)[2]),
    )


def _matched(one: Predictions, other: Predictions) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the one's test galaxies, their rows in the other, and what became of them."""
    rows = one.rows(TEST)
    known = pc.index_in(
        one.names.take(pa.array(rows)).combine_chunks(), value_set=other.names.combine_chunks()
    )
    found = pc.fill_null(known, -1).to_numpy()
    fate = np.full(len(rows), ABSENT, object)
    there = np.flatnonzero(found >= 0)
    mine, theirs = rows[there], found[there]
    fate[there] = np.array(SPLITS, object)[other.splits[theirs]]
    fate[there[~other.shown[theirs]]] = ABSENT
    tested = fate[there] == TEST
    fate[there[tested & (one.labels[mine] != other.labels[theirs])]] = OTHER_LABEL
    apart = separation(one.ra[mine], one.dec[mine], other.ra[theirs], other.dec[theirs])
    # Wherever it lies in the other run, this is another galaxy.
    fate[there[apart > SAME_PLACE]] = OTHER_PLACE
    return rows, found, fate


def _counted(fate: np.ndarray) -> dict[str, int]:
    order = (TEST, *(split for split in SPLITS if split != TEST), ABSENT, OTHER_LABEL, OTHER_PLACE)
    counts = {name: int((fate == name).sum()) for name in order}
    return {name: count for name, count in counts.items() if count}


def separation(ra: np.ndarray, dec: np.ndarray, other_ra: np.ndarray, other_dec: np.ndarray) -> np.ndarray:
    """Return angles on the sky by the haversine formula, which is exact for small ones.

    Parameters
    ----------
    ra, dec, other_ra, other_dec : ndarray, shape (N,)
        [deg]

    Returns
    -------
    ndarray, shape (N,)
        [arcsec]; NaN where a position is not known.
    """
    ra, dec, other_ra, other_dec = map(np.radians, (ra, dec, other_ra, other_dec))
    height = np.sin((other_dec - dec) / 2) ** 2
    width = np.sin((other_ra - ra) / 2) ** 2
    chord = np.sqrt(height + np.cos(dec) * np.cos(other_dec) * width)
    return np.degrees(2 * np.arcsin(np.minimum(chord, 1))) * 3600
