"""Results of the points of a sweep, and their comparison."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from evaluation.comparison import Comparison, Score, accuracy_error, compare
from report.sweep.points import Point

State = Literal["waiting", "done", "failed"]


@dataclass(frozen=True)
class PointResult:
    """Result of a point.

    Attributes
    ----------
    point : Point
    state : str
        ``waiting``, ``done`` or ``failed``.
    reason : str
        Why it failed, in one line.
    cross_validation : dict or None
        The content of ``cross_validation.json``; None unless it is done.
    seconds : float or None
        Wall time [s]; None unless it is done, and if a part of it was trained in an earlier run or point.
    out_of_fold : Path or None
        The copy of ``out_of_fold.csv``; None unless it is done.
    """

    point: Point
    state: State = "waiting"
    reason: str = ""
    cross_validation: dict[str, Any] | None = None
    seconds: float | None = None
    out_of_fold: Path | None = None

    @property
    def found_again(self) -> bool:
        """Whether a part of it was trained in an earlier run or point, so that its time is meaningless."""
        return self.state == "done" and self.seconds is None

    @property
    def accuracy_error(self) -> float | None:
        """Standard error of the pooled accuracy; None unless it is done."""
        if self.cross_validation is None:
            return None
        pooled = self.cross_validation["pooled"]
        return accuracy_error(pooled["accuracy"], pooled["n"])


class SweepResults:
    """The results of a sweep, best first.

    Parameters
    ----------
    folder : Path
        Folder of the result files, which `report.sweep.record.SweepRecord` writes.
    points : sequence of Point
    axes : mapping of str to sequence of str
        Values by axis, see `pipeline.sweep.axes.normal_axes`.

    Attributes
    ----------
    folder : Path
    axes : dict of str to tuple of str
        As given.
    """

    def __init__(self, folder: Path, points: Sequence[Point], axes: Mapping[str, Sequence[str]]) -> None:
        self.folder = folder
        self.axes = {name: tuple(values) for name, values in axes.items()}
        self._results = {point.slug: PointResult(point) for point in points}
        self._scores: dict[str, dict[str, Score]] = {}

    @property
    def results(self) -> list[PointResult]:
        """Every point, in the order of the grid."""
        return list(self._results.values())

    @property
    def ranked(self) -> list[PointResult]:
        """Every point: those done by mean accuracy, then by mean AUC; those failed; those waiting."""
        return sorted(self._results.values(), key=_order)

    @property
    def best(self) -> PointResult | None:
        """The first of `ranked`; None if nothing is done."""
        first = next(iter(self.ranked), None)
        return first if first and first.state == "done" else None

    @property
    def common(self) -> set[str]:
        """Names of the galaxies that have a score at every point that is done."""
        scored = [set(scores) for scores in self._scores.values()]
        return set.intersection(*scored) if scored else set()

    @property
    def same_galaxies(self) -> bool:
        """Whether all points that are done have scores of the same galaxies."""
        common = len(self.common)
        return all(len(scores) == common for scores in self._scores.values())

    def count(self, state: State) -> int:
        """Return the number of points in a state."""
        return sum(result.state == state for result in self._results.values())

    def rank(self, point: Point) -> int:
        """Return the position of a point in `ranked`, from 1."""
        return [result.point.slug for result in self.ranked].index(point.slug) + 1

    def scores(self, point: Point) -> Mapping[str, Score]:
        """Return the scores of a point by galaxy; empty unless it is done."""
        return self._scores.get(point.slug, {})

    def comparison(self, point: Point) -> Comparison | None:
        """Return the comparison of a point with the best one; None for the best itself, and unless done."""
        best = self.best
        if best is None or point.slug not in self._scores or point.slug == best.point.slug:
            return None
        return compare(self.scores(point), self.scores(best.point))

    def result(self, point: Point) -> PointResult:
        """Return the result of a point."""
        return self._results[point.slug]


def _order(result: PointResult) -> tuple[int, float, float]:
    if result.cross_validation is None:
        return ("failed", "waiting").index(result.state) + 1, 0.0, 0.0
    auc = result.cross_validation["auc_mean"]
    return 0, -result.cross_validation["accuracy_mean"], math.inf if auc is None else -auc
