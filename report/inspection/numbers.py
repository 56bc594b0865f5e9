"""Content of ``inspect.json``."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from preprocessing.labels.reading import LabelTable
from preprocessing.rows.account import ingest_account
from preprocessing.rows.division import Division
from report.inspection.advice import Suggestion, round_to
from report.inspection.findings import Finding
from report.inspection.survey import BandSurvey, Survey

PERCENTILES = (1, 16, 50, 84, 99)


def numbers(
    table: LabelTable,
    division: Division,
    survey: Survey,
    suggestion: Suggestion,
    findings: Sequence[Finding],
    **details: Any,
) -> str:
    """Return the text of ``inspect.json``.

    Parameters
    ----------
    table : LabelTable
    division : Division
    survey : Survey
    suggestion : Suggestion
    findings : sequence of Finding
    **details
        Further entries.

    Returns
    -------
    str
        JSON: rows, rejects, splits and classes as in ``ingest.json`` of a run; ``would_run``, ``findings``,
        ``bands`` and ``suggested``. Unknown values are null.
    """
    bands = {band: _of_band(found) for band, found in survey.bands.items()}
    return ingest_account(
        table,
        division,
        survey.notes,
        would_run=not any(finding.kind == "stop" for finding in findings),
        findings=[vars(finding) for finding in findings],
        bands=bands,
        suggested={"stretch": known(suggestion.stretch), "minimum": [known(m) for m in suggestion.minimum]},
        **details,
    )


def _of_band(found: BandSurvey) -> dict[str, Any]:
    sides = np.repeat([min(size) for size in found.sizes], list(found.sizes.values()))
    return {
        "stamps": len(found.values),
        "sizes": {
            "min": int(sides.min()) if sides.size else None,
            "median": float(np.median(sides)) if sides.size else None,
            "max": int(sides.max()) if sides.size else None,
            "different": len(found.sizes),
        },
        **{name: _percentiles(found.statistic(name)) for name in ("sky", "noise", "mean", "peak")},
        "flux_percentiles": {str(p): known(found.pixels.percentile(p)) for p in PERCENTILES},
        "blank": known(float(found.statistic("blank").mean())) if len(found.values) else None,
        "saturated": known(float(found.statistic("saturated").mean())) if len(found.values) else None,
    }


def _percentiles(values: np.ndarray) -> Mapping[str, float | None]:
    if not values.size:
        return {str(percent): None for percent in PERCENTILES}
    return {
        str(percent): known(float(value))
        for percent, value in zip(PERCENTILES, np.percentile(values, PERCENTILES), strict=True)
    }


def known(value: float) -> float | None:
    """Return a number to six digits, or None for NaN and infinity, which JSON does not have."""
    return round_to(value, 6) if math.isfinite(value) else None
