"""The page of a sweep: one HTML file without scripts or external resources."""

from collections.abc import Sequence
from pathlib import Path

from evaluation.comparison import SIGNIFICANCE, Comparison, chance_text
from preprocessing.features import CLASS_NAMES
from report.html.environment import page_environment
from report.inspection.renderer import LARGEST_SHOWN, Render
from report.sweep.examples import Examples, render_examples
from report.sweep.figures import colour_scale, draw_dots, heat_maps
from report.sweep.files import write_whole
from report.sweep.record import CSV, JSON, POINTS
from report.sweep.results import SweepResults
from report.sweep.tables import notes

PAGE = "index.html"


def write_page(
    results: SweepResults, examples: Examples | None, folder: Path, *, render: Render | None = None
) -> Path:
    """Write the page.

    Parameters
    ----------
    results : SweepResults
    examples : Examples or None
        None leaves the pictures out, for which TensorFlow takes some seconds.
    folder : Path
        Folder to which ``index.html`` is written.
    render : callable, optional
        Makes the picture files, see `report.inspection.renderer.render`; a process of its own unless given.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    SweepError
        If it cannot be written.
    """
    path = folder / PAGE
    write_whole(path, render_page(results, examples, render))
    return path


def render_page(results: SweepResults, examples: Examples | None, render: Render | None = None) -> str:
    """Return the page as HTML; see `write_page`."""
    environment = page_environment("report.sweep")
    environment.filters["chance"] = chance_text
    scale = colour_scale(results)
    comparisons = {result.point.slug: results.comparison(result.point) for result in results.ranked}
    return environment.get_template("sweep.html.j2").render(
        results=results,
        ranked=results.ranked,
        best=results.best,
        comparisons=comparisons,
        rivals=_rivals([entry for entry in comparisons.values() if entry is not None]),
        notes=notes(results),
        maps=heat_maps(results, scale),
        scale=scale,
        dots=draw_dots(results),
        images=examples and render_examples(examples, results, render),
        labels=_labels(examples),
        class_names=CLASS_NAMES,
        largest_shown=LARGEST_SHOWN,
        files=[JSON, CSV, f"{POINTS}/"],
    )


def _rivals(comparisons: Sequence[Comparison]) -> str:
    """Say how many of the other settings do not differ significantly from the best."""
    even = sum(comparison.p_value > SIGNIFICANCE for comparison in comparisons)
    if not comparisons:
        return ""
    if len(comparisons) == 1:
        verb = "does not differ significantly from it" if even else "is significantly worse"
        where = "above" if even else "at most"
        return f"The other setting {verb} (p {where} {SIGNIFICANCE})."
    if not even:
        return f"All {len(comparisons)} other settings are significantly worse (p at most {SIGNIFICANCE})."
    return (
        f"{even} of the {len(comparisons)} other settings {'does' if even == 1 else 'do'} not differ"
        f" significantly from it (p above {SIGNIFICANCE})."
    )


def _labels(examples: Examples | None) -> str:
    tables = {data.labels for data, _ in examples.settings.values()} if examples else set()
    return ", ".join(sorted(tables))
