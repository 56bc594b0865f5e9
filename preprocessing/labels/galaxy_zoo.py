"""Labels from the votes of Galaxy Zoo.

References: Galaxy Zoo 1, Lintott et al. 2011, MNRAS 410, 166. Galaxy Zoo 2, Willett et al. 2013, MNRAS 435,
2835; debiased anew by Hart et al. 2016, MNRAS 461, 3663.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from preprocessing.data_settings import DataSettings
from preprocessing.features import ELLIPTICAL, NO_LABEL, SPIRAL
from preprocessing.tables.files import Columns

_FIRST, _EDGE_ON, _ARMS = "t01_smooth_or_features_", "t02_edgeon_", "t04_spiral_"
SMOOTH = f"{_FIRST}a01_smooth_debiased"
FEATURES = f"{_FIRST}a02_features_or_disk_debiased"
STAR_OR_ARTIFACT = f"{_FIRST}a03_star_or_artifact_debiased"
NOT_EDGE_ON = f"{_EDGE_ON}a05_no_debiased"
SPIRAL_ARMS = f"{_ARMS}a08_spiral_debiased"
FIRST_COUNTS = tuple(
    f"{_FIRST}{answer}_count" for answer in ("a01_smooth", "a02_features_or_disk", "a03_star_or_artifact")
)
ARMS_COUNTS = tuple(f"{_ARMS}{answer}_count" for answer in ("a08_spiral", "a09_no_spiral"))

LEAST_NOT_EDGE_ON = 0.715
"""Willett et al. 2013, Table 3: least fraction of "not edge-on" at which, with 20 answers or more, the
question about spiral arms is well answered."""

GZ1_FRACTIONS = ("p_el_debiased", "p_cs_debiased")
GZ1_FLAGS = ("elliptical", "spiral")
GZ1_UNCERTAIN, GZ1_STAR, GZ1_VOTES = "uncertain", "p_dk", "nvote"

_ROUNDING = 1e-3
_NO_FRACTIONS = "vote fractions must be numbers from 0 to 1, but are {:g} (smooth) and {:g} (features)"


@dataclass(frozen=True)
class Verdicts:
    """Labels and votes of the rows of a table.

    Attributes
    ----------
    labels : numpy.ndarray of int
        Label of each row: spiral, elliptical or none.
    vote_elliptical, vote_spiral : numpy.ndarray
        Debiased vote fraction of each row; NaN if the table has none.
    refused : dict of int to (str, str)
        Reason code and message of rows that cannot be used, by index of the row.
    notes : list of str
        Remarks for the user on how the table was read.
    """

    labels: NDArray[np.int64]
    vote_elliptical: NDArray[np.float64]
    vote_spiral: NDArray[np.float64]
    refused: dict[int, tuple[str, str]]
    notes: list[str] = field(default_factory=list)


def judge_gz2(columns: Columns, settings: DataSettings) -> Verdicts:
    """Label galaxies by the debiased vote fractions of Galaxy Zoo 2.

    Parameters
    ----------
    columns : Columns
        `SMOOTH`, `FEATURES`, `SPIRAL_ARMS`. Conditions on other columns apply only if these are present.
    settings : DataSettings
        `vote_threshold` and `min_votes` are used.

    Returns
    -------
    Verdicts

    Notes
    -----
    1. Star or artifact reaches the threshold: ``artifact``.
    2. Smooth or features is not a fraction: ``bad_label``.
    3. Smooth reaches the threshold and the first question has `min_votes` answers: elliptical.
    4. Features and spiral arms reach the threshold, "not edge-on" reaches `LEAST_NOT_EDGE_ON`, and the
       question about arms has `min_votes` answers: spiral. If all volunteers say smooth, none is asked about
       arms; a missing answer counts as no arms.
    5. Anything else: no label. Debiased fractions need not add up to 1.
    """
    smooth, features, artifact, not_edge_on, arms = (
        _fractions(columns, name) for name in (SMOOTH, FEATURES, STAR_OR_ARTIFACT, NOT_EDGE_ON, SPIRAL_ARMS)
    )
    threshold = settings.vote_threshold
    notes: list[str] = []
    elliptical = smooth >= threshold
    elliptical &= _enough_answers(columns, FIRST_COUNTS, settings.min_votes, "smooth or features", notes)
    spiral = (features >= threshold) & (arms >= threshold)
    spiral &= _enough_answers(columns, ARMS_COUNTS, settings.min_votes, "spiral arms", notes)
    if NOT_EDGE_ON in columns.cells:
        spiral &= not_edge_on >= LEAST_NOT_EDGE_ON
    else:
        notes.append(f"{columns.path.name} has no column {NOT_EDGE_ON!r}: spirals may be seen edge-on")

    labels = np.full(columns.rows, NO_LABEL)
    labels[spiral] = SPIRAL
    labels[elliptical] = ELLIPTICAL
    given = columns.numbers(SMOOTH), columns.numbers(FEATURES)
    refused = {
        int(row): ("bad_label", _NO_FRACTIONS.format(given[0][row], given[1][row]))
        for row in np.flatnonzero(np.isnan(smooth) | np.isnan(features))
    }
    refused |= _artifacts(artifact, threshold, "star or artifact")
    return Verdicts(labels, smooth, arms, refused, notes)


def judge_gz1(columns: Columns, settings: DataSettings) -> Verdicts:
    """Label galaxies by table 2 of Galaxy Zoo 1.

    Parameters
    ----------
    columns : Columns
        `GZ1_FRACTIONS` or `GZ1_FLAGS` or both.
    settings : DataSettings
        `vote_threshold` and `min_votes` are used.

    Returns
    -------
    Verdicts

    Notes
    -----
    1. The raw fraction of "star / don't know" reaches the threshold: ``artifact``. (Only two fractions are
       debiased.)
    2. The debiased fraction of elliptical or of all spirals reaches the threshold, with `min_votes` votes:
       elliptical or spiral.
    3. If either fraction is missing, the flags decide in the same way. If these contradict each other or are
       missing, too: ``bad_label``.
    4. Anything else, including mergers: no label.
    """
    elliptical, spiral = (_fractions(columns, name) for name in GZ1_FRACTIONS)
    known = np.isfinite(elliptical) & np.isfinite(spiral)
    elliptical, spiral = (np.where(known, votes, np.nan) for votes in (elliptical, spiral))
    flags = _flags(columns)
    says_elliptical = np.where(known, elliptical >= settings.vote_threshold, flags[0])
    says_spiral = np.where(known, spiral >= settings.vote_threshold, flags[1])
    notes: list[str] = []
    enough = _enough_answers(columns, (GZ1_VOTES,), settings.min_votes, "what the galaxy is", notes)

    labels = np.full(columns.rows, NO_LABEL)
    labels[says_spiral & enough] = SPIRAL
    labels[says_elliptical & enough] = ELLIPTICAL
    silent = ~known & (np.sum(flags, axis=0) != 1)
    message = "the debiased vote fractions are missing, and the flags are missing or contradict each other"
    refused = {int(row): ("bad_label", message) for row in np.flatnonzero(silent)}
    refused |= _artifacts(_fractions(columns, GZ1_STAR), settings.vote_threshold, "star or don't know")
    return Verdicts(labels, elliptical, spiral, refused, notes)


def judge_gz2_class(texts: Sequence[str]) -> Verdicts:
    """Label galaxies by the string ``gz2_class`` of Galaxy Zoo 2 (Willett et al. 2013, appendix A).

    Parameters
    ----------
    texts : sequence of str
        ``E...`` smooth, ``S...`` features or disc, ``A`` star or artifact.

    Returns
    -------
    Verdicts
    """
    codes = {"E": ELLIPTICAL, "S": SPIRAL}
    labels = np.array([codes.get(text[:1], NO_LABEL) for text in texts])
    unknown = np.full(len(texts), np.nan)
    refused = {}
    for row in np.flatnonzero(labels == NO_LABEL).tolist():
        if texts[row] == "A":
            refused[row] = ("artifact", "gz2_class is 'A', star or artifact")
        else:
            refused[row] = ("bad_label", f"gz2_class {texts[row][:40]!r} begins with neither E nor S")
    return Verdicts(labels, unknown, unknown, refused)


def _fractions(columns: Columns, name: str) -> NDArray[np.float64]:
    """Return vote fractions; NaN for missing values and numbers outside 0 to 1, such as -9999 or 85."""
    votes = columns.numbers(name if name in columns.cells else None)
    possible = (votes >= -_ROUNDING) & (votes <= 1 + _ROUNDING)
    return np.where(possible, np.clip(votes, 0, 1), np.nan)


def _enough_answers(
    columns: Columns, counts: Sequence[str], least: int, question: str, notes: list[str]
) -> NDArray[np.bool_]:
    """Return which rows have enough answers to a question; all rows if the table has no counts."""
    if least == 0:
        return np.full(columns.rows, True)
    missing = [name for name in counts if name not in columns.cells]
    if missing:
        notes.append(
            f"{columns.path.name} has no column {missing[0]!r}: min_votes does not apply to the question"
            f" {question!r}"
        )
        return np.full(columns.rows, True)
    return np.sum([np.nan_to_num(columns.numbers(name)) for name in counts], axis=0) >= least


def _flags(columns: Columns) -> list[NDArray[np.bool_]]:
    """Return which rows are flagged as elliptical, as spiral, and as uncertain (or as neither)."""
    elliptical, spiral, uncertain = (
        columns.numbers(name if name in columns.cells else None) for name in (*GZ1_FLAGS, GZ1_UNCERTAIN)
    )
    neither = uncertain == 1 if GZ1_UNCERTAIN in columns.cells else (elliptical == 0) & (spiral == 0)
    return [elliptical == 1, spiral == 1, neither]


def _artifacts(votes: NDArray[np.float64], threshold: float, answer: str) -> dict[int, tuple[str, str]]:
    return {
        int(row): ("artifact", f"{votes[row]:.3g} of the volunteers answered {answer!r}")
        for row in np.flatnonzero(votes >= threshold)
    }
