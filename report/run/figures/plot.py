"""What all figures share: a figure with its sentence, and curves that are thinned."""

from dataclasses import dataclass

import numpy as np
from markupsafe import Markup
from matplotlib.axis import Axis
from matplotlib.ticker import FuncFormatter, NullFormatter

from report.html.svg import Drawing

MOST_VERTICES = 2000
"""Of a curve; with more it is thinned."""

_NOTHING = Markup()


@dataclass(frozen=True)
class Plot:
    """A figure of the report, or why there is none.

    Attributes
    ----------
    name : str
        One word; the PNG is ``NAME.png``.
    text : str
        What it shows and what to conclude, or what is missing and why.
    svg : Markup
        Empty where there is no figure.
    png : bytes
        Likewise.
    """

    name: str
    text: str
    svg: Markup = _NOTHING
    png: bytes = b""

    @classmethod
    def of(cls, name: str, drawn: Drawing, *sentences: str) -> "Plot":
        """Return a figure that has been drawn, with its sentences."""
        return cls(name, " ".join(sentence for sentence in sentences if sentence), drawn.svg, drawn.png)


def thinned(count: int) -> tuple[np.ndarray, str]:
    """Return which vertices of a curve are drawn, the ends among them, and a note where that is not all."""
    if count <= MOST_VERTICES:
        return np.arange(count), ""
    places = np.unique(np.linspace(0, count - 1, MOST_VERTICES).round().astype(int))
    return places, f"Drawn at {len(places):,} of {count:,} thresholds."


def count_axis(axis: Axis) -> None:
    """Write whole numbers along an axis, also along a logarithmic one."""
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axis.set_minor_formatter(NullFormatter())
