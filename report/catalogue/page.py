"""The page of a classified survey: one HTML file without scripts or external resources."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evaluation.formats.catalogue import FLAGS, UNLIKE_FROM, Flag
from preprocessing.rejects import REASONS
from report.catalogue.figures import draw_fractions, draw_novelty, draw_probabilities
from report.catalogue.sky import draw_sky
from report.catalogue.statistics import CLASSES, POINTS, CatalogueStatistics
from report.html.environment import page_environment
from report.html.tiles import Tile
from serving.predict.outcomes import REASONS as MODEL_REASONS


@dataclass(frozen=True)
class Picture:
    """The picture of an object, as the network sees it.

    Attributes
    ----------
    name, morphology : str
    p_elliptical : float
    png : bytes
        Empty if there is none.
    side : int
        Side of the picture [pixels].
    problem : str
        Why there is no picture.
    """

    name: str
    morphology: str
    p_elliptical: float
    png: bytes = b""
    side: int = 0
    problem: str = ""

    @property
    def tile(self) -> Tile:
        """The picture, embedded."""
        return Tile.of_png(self.png, self.side) if self.png else Tile(problem=self.problem or "none was made")


def render_page(
    title: str,
    summary: Mapping[str, Any],
    statistics: CatalogueStatistics,
    limits: tuple[float, float],
    pictures: Sequence[Picture] = (),
    facts: Mapping[str, str] | None = None,
) -> str:
    """Return the page.

    Parameters
    ----------
    title : str
        Name of the catalogue.
    summary : mapping
        Content of ``summary.json``.
    statistics : CatalogueStatistics
        Of all classified rows.
    limits : (float, float)
        Interval of probabilities that are classified as uncertain.
    pictures : sequence of Picture
        Those of `CatalogueStatistics.chosen`, in this order.
    facts : mapping of str to str, optional
        Further lines of the table of facts, such as the input and the command.

    Returns
    -------
    str
        HTML.
    """
    seconds = summary["seconds"]
    sky = draw_sky(statistics)
    meanings = {**REASONS, **MODEL_REASONS}
    return (
        page_environment("report.catalogue")
        .get_template("index.html.j2")
        .render(
            title=title,
            summary=summary,
            statistics=statistics,
            limits=limits,
            rate=summary["rows"] / seconds if seconds > 0 else None,
            classes=CLASSES,
            flags=_flags(statistics),
            reasons=[(code, meanings.get(code, ""), n) for code, n in summary["reasons"].items()],
            unlike_from=UNLIKE_FROM,
            sky=sky,
            all_drawn=statistics.placed <= POINTS,
            probabilities=draw_probabilities(statistics, limits) if statistics.rows else None,
            novelty=draw_novelty(statistics),
            fractions=draw_fractions(statistics),
            with_magnitude=int(statistics.magnitudes.sum()),
            pictures={
                name: shown for name in CLASSES if (shown := [p for p in pictures if p.morphology == name])
            },
            facts=facts or {},
        )
    )


def _flags(statistics: CatalogueStatistics) -> list[tuple[int, str, str, list[int]]]:
    """Return bit, name, meaning and counts by class of each flag."""
    return [
        (int(flag), str(flag.name).lower(), FLAGS[flag], statistics.flagged[place].tolist())
        for place, flag in enumerate(Flag)
    ]
