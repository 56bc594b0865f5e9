"""Common parts of the figures: a figure with its text, thinned curves, axes of counts."""

from dataclasses import dataclass

import numpy as np
from markupsafe import Markup
from matplotlib.axis import Axis
from matplotlib.ticker import FuncFormatter, NullFormatter

from report.html.svg import Drawing

MOST_VERTICES = 2000
"""Largest number of points drawn of a curve; longer curves are thinned."""

_NOTHING = Markup()


@dataclass(frozen=True)
class Plot:
    """A figure of the report, or the reason why there is none.

    Attributes
    ----------
    name : str
        One word; the PNG is ``NAME.png``.
    text : str
        Caption with a conclusion, or what is missing and why.
    svg : Markup
        Empty if there is no figure.
    png : bytes
        Empty if there is no figure.
    """

    name: str
    text: str
    svg: Markup = _NOTHING
    png: bytes = b""

    @classmethod
    def of(cls, name: str, drawn: Drawing, *sentences: str) -> "Plot":
        """Return a drawn figure with the sentences of its caption."""
        return cls(name, " ".join(sentence for sentence in sentences if sentence), drawn.svg, drawn.png)


def thinned(count: int) -> tuple[np.ndarray, str]:
    """Return which points of a curve to draw, including both ends, and a note if some are left out."""
    if count <= MOST_VERTICES:
        return np.arange(count), ""
    places = np.unique(np.linspace(0, count - 1, MOST_VERTICES).round().astype(int))
    return places, f"Drawn at {len(places):,} of {count:,} thresholds."


def count_axis(axis: Axis) -> None:
    """Write whole numbers along an axis, also along a logarithmic one."""
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axis.set_minor_formatter(NullFormatter())
