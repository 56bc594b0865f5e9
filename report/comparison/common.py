"""Common test galaxies of two runs: galaxies that neither run was trained on."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from evaluation.formats.predictions import Predictions
from preprocessing.features import SPLITS, TEST

SAME_PLACE = 10.0
"""Largest separation of one galaxy in two runs [arcsec]; two surveys may use the same names."""

ABSENT, OTHER_LABEL, OTHER_PLACE = "absent", "another label", "another place"


@dataclass(frozen=True)
class Common:
    """The N common test galaxies of two runs, in the order of the table of `one`.

    Attributes
    ----------
    names : list of str
    labels : ndarray of int, shape (N,)
        0 spiral, 1 elliptical.
    one, other : ndarray of float64, shape (N,)
        Probability of elliptical by each run.
    of_one, of_other : mapping of str to int
        Number of test galaxies of each run by where they are in the other run: ``test`` (the common ones),
        another split, `ABSENT`, `OTHER_LABEL` or `OTHER_PLACE`.
    """

    names: list[str]
    labels: np.ndarray
    one: np.ndarray
    other: np.ndarray
    of_one: Mapping[str, int]
    of_other: Mapping[str, int]

    @property
    def same_split(self) -> bool:
        """Whether both runs have exactly these test galaxies."""
        return all(set(counts) <= {TEST} for counts in (self.of_one, self.of_other))


def common_galaxies(one: Predictions, other: Predictions) -> Common:
    """Find the galaxies in the test split of both runs with the same name, label and sky position.

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
    """Return the rows of the test galaxies of `one`, their rows in `other`, and where they are there."""
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
    # At another position it is another galaxy, whatever its split.
    fate[there[apart > SAME_PLACE]] = OTHER_PLACE
    return rows, found, fate


def _counted(fate: np.ndarray) -> dict[str, int]:
    order = (TEST, *(split for split in SPLITS if split != TEST), ABSENT, OTHER_LABEL, OTHER_PLACE)
    counts = {name: int((fate == name).sum()) for name in order}
    return {name: count for name, count in counts.items() if count}


def separation(ra: np.ndarray, dec: np.ndarray, other_ra: np.ndarray, other_dec: np.ndarray) -> np.ndarray:
    """Return angular separations by the haversine formula, which is accurate for small angles.

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
