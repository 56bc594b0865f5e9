"""Comparison of two runs on their common test galaxies."""

from dataclasses import dataclass

import numpy as np

from evaluation.comparison import mcnemar
from evaluation.paired import Difference, paired_differences
from evaluation.scores import is_right
from report.comparison.common import Common, common_galaxies
from report.comparison.runs import Run


@dataclass(frozen=True)
class Pair:
    """Two runs compared on their common test galaxies.

    Attributes
    ----------
    one, other : Run
    common : Common
    differences : dict of Difference
        Differences of accuracy, AUC and loss: `one` minus `other`.
    only_one, only_other : ndarray of int
        Galaxies of `common` that only `one`, or only `other`, classifies correctly, the largest difference in
        probability first.
    p_value : float
        p-value of McNemar's exact test.
    """

    one: Run
    other: Run
    common: Common
    differences: dict[str, Difference]
    only_one: np.ndarray
    only_other: np.ndarray
    p_value: float

    @property
    def title(self) -> str:
        """Title of the comparison."""
        return f"{self.one.letter} against {self.other.letter}"

    @property
    def n(self) -> int:
        """Number of common test galaxies."""
        return len(self.common.names)


def compare_runs(one: Run, other: Run) -> Pair:
    """Compare two runs.

    Parameters
    ----------
    one, other : Run

    Returns
    -------
    Pair
    """
    common = common_galaxies(one.evidence.predictions, other.evidence.predictions)
    right, right_other = is_right(common.labels, common.one), is_right(common.labels, common.other)
    # A missing probability counts as the largest possible difference.
    apart = np.nan_to_num(np.abs(common.one - common.other), nan=1.0)
    order = np.argsort(-apart, kind="stable")
    only_one, only_other = order[(right & ~right_other)[order]], order[(~right & right_other)[order]]
    return Pair(
        one,
        other,
        common,
        paired_differences(common.labels, common.one, common.other),
        only_one,
        only_other,
        mcnemar(len(only_one), len(only_other)),
    )
