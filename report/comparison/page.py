"""The page of a comparison: one HTML file without scripts or external resources."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from evaluation.comparison import SIGNIFICANCE, p_text
from preprocessing.features import ELLIPTICAL
from report.comparison.disagreements import Panel, panels
from report.comparison.figure import draw_probabilities
from report.comparison.pairs import Pair
from report.comparison.runs import Run, setting_rows
from report.comparison.sentences import notes, verdict
from report.comparison.table import side_by_side
from report.html.environment import page_environment

_SCORES = {"accuracy": "accuracy", "auc": "AUC", "loss": "log loss (lower is better)"}


@dataclass(frozen=True)
class Section:
    """Section of the page on a pair."""

    pair: Pair
    verdict: str
    notes: list[str]
    figure: Markup
    caption: str
    panels: list[Panel]
    ellipticals: int


def render_page(runs: Sequence[Run], pairs: Sequence[Pair]) -> str:
    """Return the page.

    Parameters
    ----------
    runs : sequence of Run
    pairs : sequence of Pair
        Each later run against the first.

    Returns
    -------
    str
        HTML.
    """
    environment = page_environment("report.comparison")
    environment.filters["p"] = p_text
    return environment.get_template("comparison.html.j2").render(
        runs=runs,
        lines=side_by_side(runs),
        sections=[_section(pair) for pair in pairs],
        scores=_SCORES,
        settings=setting_rows(runs),
        significance=SIGNIFICANCE,
    )


def _section(pair: Pair) -> Section:
    figure, caption = draw_probabilities(pair)
    ellipticals = int((pair.common.labels == ELLIPTICAL).sum())
    return Section(pair, verdict(pair), notes(pair), figure, caption, panels(pair), ellipticals)
