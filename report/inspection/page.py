"""The page of an inspection: one HTML file without scripts or external resources."""

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

from preprocessing.features import CLASS_NAMES, SPLITS
from preprocessing.rejects import REASONS, Reject
from preprocessing.stamps import WARNINGS
from report.html.environment import page_environment
from report.inspection import figures
from report.inspection.measures import STATISTICS
from report.inspection.records import Look, Request
from report.inspection.renderer import LARGEST_SHOWN

EXAMPLES = 10
"""Largest number of rejects listed for each reason."""
DUPLICATE_EXAMPLES = 30

_DUPLICATES = ("label_conflict", "duplicate_name", "duplicate_position")


def render_page(look: Look, request: Request, files: Sequence[str]) -> str:
    """Return the page.

    Parameters
    ----------
    look : Look
    request : Request
    files : sequence of str
        Names of the files beside it.

    Returns
    -------
    str
        HTML.
    """
    return (
        page_environment("report.inspection")
        .get_template("index.html.j2")
        .render(
            look=look,
            request=request,
            files=files,
            labels=request.data.labels,
            largest_shown=LARGEST_SHOWN,
            splits_table=_splits_table(look),
            reasons=_reasons(look.division.rejects, lambda reason: reason not in _DUPLICATES, EXAMPLES),
            duplicates=_reasons(
                look.division.rejects, lambda reason: reason in _DUPLICATES, DUPLICATE_EXAMPLES
            ),
            notes=_notes(look),
            bands=_bands(look),
            figures=_figures(look, request),
            places={name: split for name, (split, _) in look.division.places.items()},
            class_names=CLASS_NAMES,
        )
    )


def _splits_table(look: Look) -> dict[str, Any]:
    counts = Counter(look.division.splits_and_classes)
    splits = [split for split in SPLITS if any(found == split for found, _ in counts)]
    classes = list(CLASS_NAMES.values())
    return {
        "splits": splits,
        "rows": [(name, [counts[split, name] for split in splits]) for name in classes],
        "totals": [sum(counts[split, name] for name in classes) for split in splits],
        "all": counts.total(),
    }


def _reasons(rejects: Sequence[Reject], wanted: Any, most: int) -> list[dict[str, Any]]:
    counts = Counter(reject.reason for reject in rejects if wanted(reject.reason))
    ordered = sorted(rejects, key=lambda reject: reject.row)
    return [
        {
            "code": code,
            "meaning": REASONS.get(code, ""),
            "count": count,
            "examples": [reject for reject in ordered if reject.reason == code][:most],
        }
        for code, count in counts.most_common()
    ]


def _notes(look: Look) -> list[dict[str, Any]]:
    counts = Counter(note.code for note in look.survey.notes)
    return [
        {
            "code": code,
            "meaning": WARNINGS.get(code, ""),
            "count": count,
            "examples": [note for note in look.survey.notes if note.code == code][:EXAMPLES],
        }
        for code, count in counts.most_common()
    ]


def _bands(look: Look) -> list[dict[str, Any]]:
    rows = []
    for band, found in look.survey.bands.items():
        sides = sorted(min(size) for size in found.sizes.elements())
        medians = {name: found.median(name) for name in STATISTICS}
        noise = medians["noise"]
        rows.append(
            {
                "band": band,
                "stamps": len(found.values),
                "sizes": f"{sides[0]}, {sides[len(sides) // 2]}, {sides[-1]}" if sides else "–",
                "pedestal": medians["sky"] / noise if noise > 0 else math.nan,
                "percentiles": [found.pixels.percentile(percent) for percent in (1, 50, 99)],
                **medians,
                "blank_mean": float(found.statistic("blank").mean()) if len(found.values) else math.nan,
            }
        )
    return rows


def _figures(look: Look, request: Request) -> dict[str, Any]:
    kept, survey = look.division.kept, look.survey
    return {
        "votes": figures.draw_votes(look.table.objects, request.data.vote_threshold),
        "magnitudes": figures.draw_magnitudes(kept),
        "sky": figures.draw_sky(kept, request.seed),
        "sizes": figures.draw_sizes(survey, request.image.cut),
        "pixels": figures.draw_pixels(survey.bands),
        "levels": figures.draw_levels(survey.bands),
        "curves": figures.draw_curves(survey.bands, request.image, look.suggestion),
    }
