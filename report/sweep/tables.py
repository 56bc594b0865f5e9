"""Content of ``sweep.json`` and ``sweep.csv``."""

import csv
import io
from collections.abc import Iterator
from typing import Any

from evaluation.formats.json_text import json_text
from report.sweep.points import own_ingest
from report.sweep.results import PointResult, SweepResults

OPTIMISTIC = (
    "The best setting was chosen by its score, so this score is optimistic, the more so the more settings"
    " were tried. The test split of a run with this setting gives an unbiased score."
)

_MEASURES = ("accuracy", "auc", "loss")


def notes(results: SweepResults) -> list[str]:
    """Return notes on how to read the numbers."""
    sentences = [OPTIMISTIC] if results.count("done") > 1 else []
    varied = own_ingest(results.axes)
    if varied:
        sentences.append(
            f"Every value of {' and of '.join(varied)} has an ingest of its own, which may reject other"
            " galaxies or split them differently."
        )
    if not results.same_galaxies:
        sentences.append(
            "The settings were not scored on the same galaxies. Differences and p use only the common ones."
        )
    phases = {result.cross_validation["phases"] for result in results.results if result.cross_validation}
    if phases == {"head"}:
        sentences.append("Only the classifier head was trained, on features of a frozen backbone.")
    return sentences


def sweep_json(results: SweepResults) -> str:
    """Return the text of ``sweep.json``.

    Parameters
    ----------
    results : SweepResults

    Returns
    -------
    str
        JSON: ``axes``, the numbers of points ``done``, ``failed`` and ``waiting``, the slug of the ``best``,
        ``common_galaxies``, ``notes``, and ``points``, the best first.
    """
    best = results.best
    return json_text(
        {
            "axes": {name: list(values) for name, values in results.axes.items()},
            "done": results.count("done"),
            "failed": results.count("failed"),
            "waiting": results.count("waiting"),
            "best": best and best.point.slug,
            "common_galaxies": len(results.common),
            "notes": notes(results),
            "points": [_point(results, result) for result in results.ranked],
        }
    )


def _point(results: SweepResults, result: PointResult) -> dict[str, Any]:
    comparison = results.comparison(result.point)
    place = result.out_of_fold
    return {
        **vars(result.point),
        "state": result.state,
        "reason": result.reason,
        "seconds": result.seconds,
        "found_again": result.found_again,
        "cross_validation": result.cross_validation,
        "out_of_fold": place and place.relative_to(results.folder).as_posix(),
        "accuracy_error": result.accuracy_error,
        "against_best": comparison and {**vars(comparison), "difference": comparison.difference},
    }


def sweep_csv(results: SweepResults) -> str:
    """Return the text of ``sweep.csv``: a line for each point, the best first; unknown values are empty.

    Parameters
    ----------
    results : SweepResults

    Returns
    -------
    str
    """
    rows = [dict(_cells(results, rank, result)) for rank, result in enumerate(results.ranked, 1)]
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]) if rows else ["rank"], lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _shown(value) for name, value in row.items()} for row in rows)
    return text.getvalue()


def _shown(value: Any) -> Any:
    return f"{value:.6g}" if isinstance(value, float) else value


def _cells(results: SweepResults, rank: int, result: PointResult) -> Iterator[tuple[str, Any]]:
    found, comparison = result.cross_validation or {}, results.comparison(result.point)
    pooled = found.get("pooled", {})
    yield "rank", rank if result.state == "done" else None
    yield "label", result.point.label
    for name in results.axes:
        # TOPCAT's expressions do not allow dots in names.
        yield name.replace(".", "_"), result.point.values[name]
    yield "state", result.state
    for measure in _MEASURES:
        for statistic in ("mean", "std"):
            yield f"{measure}_{statistic}", found.get(f"{measure}_{statistic}")
    for measure in (*_MEASURES, "ece", "n"):
        yield f"pooled_{measure}", pooled.get(measure)
    yield "pooled_accuracy_error", result.accuracy_error
    yield "difference_to_best", comparison and comparison.difference
    yield "p_value", comparison and comparison.p_value
    yield "only_this_right", comparison and comparison.only_this
    yield "only_best_right", comparison and comparison.only_best
    yield "common_galaxies", comparison and comparison.n
    yield "phases", found.get("phases")
    yield "seconds", result.seconds
    # TOPCAT's spelling of booleans.
    yield "found_again", str(result.found_again).lower() if result.state == "done" else None
    yield "slug", result.point.slug
    yield "reason", result.reason
