"""Figures as SVG in the text colour of the page, so that they fit light and dark mode."""

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager

import matplotlib as mpl
import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

CLASS_COLOURS = {"spiral": "#1f83c4", "elliptical": "#d55e00", "uncertain": "#8c8c8c"}
"""Distinct for every kind of colour vision (similar to Okabe & Ito 2008), on white and on black."""
CLASS_DASHES = {"spiral": "-", "elliptical": "--", "uncertain": ":"}
CLASS_MARKERS = {"spiral": "o", "elliptical": "s", "uncertain": "x"}
"""Markers and dashes, because classes must differ in more than colour."""
MARK = "#009e73"
"""Colour of configured values."""
SUGGESTED = "#cc79a7"
"""Colour of suggested values."""
INK = "#010203"
"""Placeholder for the text colour of the page."""

WIDTH = 4.6
"""Width of a figure [inches], at which its text is readable on a phone."""

PNG_RESOLUTION = 200
"""[dots per inch]"""

_STYLE = {
    "svg.fonttype": "none",
    "figure.facecolor": "none",
    "axes.facecolor": "none",
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
        Set when the figure is finished.
    png : bytes
        The figure on a white background; empty unless requested.
    """

    def __init__(self, figure: Figure) -> None:
        self.figure = figure
        self.svg = Markup()
        self.png = b""

    def axes(self, **arguments: object) -> Axes:
        """Add axes with a faint grid."""
        axes = self.figure.add_subplot(**arguments)
        axes.grid(True)
        axes.set_axisbelow(True)
        return axes


@contextmanager
def drawing(name: str, height: float = 2.6, *, png: bool = False) -> Iterator[Drawing]:
    """Draw a figure.

    Parameters
    ----------
    name : str
        One word, unique among the figures of a page.
    height : float
        [inches]
    png : bool
        Whether to make a PNG as well.

    Yields
    ------
    Drawing
    """
    with mpl.rc_context({**_STYLE, "svg.hashsalt": name}):
        figure = Figure(figsize=(WIDTH, height), layout="constrained")
        FigureCanvasAgg(figure)
        drawn = Drawing(figure)
        yield drawn
        drawn.svg, drawn.png = _svg(figure, name), _png(figure) if png else b""


def _svg(figure: Figure, name: str) -> Markup:
    # The writer of the canvas draws once; savefig would draw twice.
    if layout := figure.get_layout_engine():
        layout.execute(figure)
    figure.set_layout_engine("none")
    stream = io.StringIO()
    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    FigureCanvasSVG(figure).print_svg(stream, metadata=nothing)
    text = stream.getvalue()
    text = text[text.index("<svg") :].replace(INK, "currentColor")
    # Identifiers must be unique among the figures of a page.
    text = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{name}-", text)
    return Markup(re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL))


def _png(figure: Figure) -> bytes:
    figure.set(dpi=PNG_RESOLUTION, facecolor="white")
    stream = io.BytesIO()
    FigureCanvasAgg(figure).print_png(stream, metadata={"Software": None})  # or matplotlib's version
    return stream.getvalue()


def steps(axes: Axes, values: np.ndarray, edges: np.ndarray, name: str, label: str = "") -> None:
    """Draw a histogram of the values of a class, if there are any."""
    if values.size:
        counts, _ = np.histogram(values, edges)
        colour, dashes = CLASS_COLOURS[name], CLASS_DASHES[name]
        axes.stairs(counts, edges, color=colour, linestyle=dashes, label=label or name)
        axes.yaxis.set_major_locator(MaxNLocator("auto", integer=True))


def mark(axes: Axes, value: float, label: str) -> None:
    """Mark a configured value on the horizontal axis."""
    axes.axvline(value, color=MARK, linewidth=1.4, linestyle="-.", label=label)


def name_axes(axes: Axes, x: str, y: str) -> None:
    """Label the axes."""
    axes.set_xlabel(x)
    axes.set_ylabel(y)
