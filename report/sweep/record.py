"""The results of a sweep, written down after each point."""

from pathlib import Path
from typing import Any

from evaluation.formats.json_text import finite, json_text
from evaluation.formats.out_of_fold import SCORES_FILE, read_scores
from report.sweep.errors import SweepError
from report.sweep.files import remove, write_whole
from report.sweep.points import Point
from report.sweep.results import PointResult, SweepResults
from report.sweep.tables import sweep_csv, sweep_json

CROSS_VALIDATION = "cross_validation.json"
POINTS = "points"
JSON = "sweep.json"
CSV = "sweep.csv"


class SweepRecord(SweepResults):
    """The results of a sweep, and their files: ``sweep.json``, ``sweep.csv`` and ``points/SLUG/``.

    They hold only results of this sweep, because those of an earlier sweep may belong to another
    configuration. If a sweep is started again, its unchanged points are cache hits.
    """

    def done(
        self, point: Point, cross_validation: dict[str, Any], out_of_fold: Path, seconds: float | None
    ) -> None:
        """Record the results of a point and write all files.

        Parameters
        ----------
        point : Point
        cross_validation : dict
            The content of ``cross_validation.json``.
        out_of_fold : Path
            ``out_of_fold.csv``, which is copied.
        seconds : float or None
            Wall time [s]; None if a part of the point was trained in an earlier run.

        Raises
        ------
        SweepError
            If a file cannot be written.
        ValueError
            If `out_of_fold` is damaged.
        """
        scores = read_scores(out_of_fold).by_name()
        content = finite(cross_validation)
        place = self.folder / POINTS / point.slug
        write_whole(place / CROSS_VALIDATION, json_text(content))
        write_whole(place / SCORES_FILE, out_of_fold.read_text(encoding="utf-8"))
        self._scores[point.slug] = scores
        self._set(PointResult(point, "done", "", content, seconds, place / SCORES_FILE))

    def failed(self, point: Point, reason: str) -> None:
        """Record why a point has no results, and write all files.

        Parameters
        ----------
        point : Point
        reason : str

        Raises
        ------
        SweepError
            If a file cannot be written.
        """
        # Files of an earlier sweep would look like results of this one.
        for name in (CROSS_VALIDATION, SCORES_FILE):
            remove(self.folder / POINTS / point.slug / name)
        self._scores.pop(point.slug, None)
        self._set(PointResult(point, "failed", " ".join(reason.split())))

    def write(self) -> None:
        """Write ``sweep.json`` and ``sweep.csv``.

        Raises
        ------
        SweepError
            If a file cannot be written.
        """
        write_whole(self.folder / JSON, sweep_json(self))
        write_whole(self.folder / CSV, sweep_csv(self))

    def _set(self, result: PointResult) -> None:
        if result.point.slug not in self._results:
            raise SweepError(f"{result.point.label} is not a point of this sweep")
        self._results[result.point.slug] = result
        self.write()
