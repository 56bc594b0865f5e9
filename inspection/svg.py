"""Figures as SVG that takes its ink from the page, so that one figure serves light and dark."""

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager

import matplotlib as mpl
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

CLASS_COLOURS = {"spiral": "#1f83c4", "elliptical": "#d55e00", "uncertain": "#8c8c8c"}
"""Distinct for every kind of colour vision (near those of Okabe & Ito 2008), on white as on black."""
MARK = "#009e73"
"""Colour of what is configured."""
SUGGESTED = "#cc79a7"
"""Colour of what is suggested."""
INK = "#010203"
"""Stands for the page's own colour of text."""

WIDTH = 4.6
"""Width of a figure [inches]: its text is still read where it is shrunk to a phone."""

_STYLE = {
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 9.5,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "grid.color": INK,
    "grid.alpha": 0.15,
    "legend.frameon": False,
    "lines.linewidth": 1.6,
    "patch.linewidth": 1.6,
}


class Drawing:
    """A figure that is being drawn.

    Attributes
    ----------
    figure : Figure
    svg : Markup
        Set when it is finished.
    """

    def __init__(self, figure: Figure) -> None:
        self.figure = figure
        self.svg = Markup()

    def axes(self, **arguments: object) -> Axes:
        """Add axes with a faint grid."""
        axes = self.figure.add_subplot(**arguments)
        axes.grid(True)
        axes.set_axisbelow(True)
        return axes


@contextmanager
def drawing(name: str, height: float = 2.6) -> Iterator[Drawing]:
    """Draw a figure.

    Parameters
    ----------
    name : str
        One word, different for each figure of a page.
    height : float
        [inches]

    Yields
    ------
    Drawing
    """
    with mpl.rc_context({**_STYLE, "svg.hashsalt": name}):
        figure = Figure(figsize=(WIDTH, height), layout="constrained")
        FigureCanvasSVG(figure)
        drawn = Drawing(figure)
        yield drawn
        stream = io.StringIO()
        nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        figure.savefig(stream, format="svg", transparent=True, metadata=nothing)
    text = stream.getvalue()
    text = text[text.index("<svg") :].replace(INK, "currentColor")
    # Identifiers must differ between the figures of one page; the text is as large as the page says.
    text = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{name}-", text)
    drawn.svg = Markup(re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL))
