"""Figures of the report."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from preprocessing.features import CLASS_NAMES, ELLIPTICAL, SPIRAL


def draw_confusion_matrix(matrix: Sequence[Sequence[int]], path: Path) -> None:
    """Draw a confusion matrix.

    Parameters
    ----------
    matrix : sequence, shape (2, 2)
        Counts; rows are the label, columns what the model called.
    path : Path
        PNG to write.
    """
    names = [CLASS_NAMES[SPIRAL], CLASS_NAMES[ELLIPTICAL]]
    figure = Figure(figsize=(4.2, 3.6), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    shares = [[count / max(sum(row), 1) for count in row] for row in matrix]
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for row, counts in enumerate(matrix):
        for column, count in enumerate(counts):
            share = shares[row][column]
            axes.text(
                column,
                row,
                f"{count}\n{share:.1%}",
                ha="center",
                va="center",
                color="white" if share > 0.5 else "black",
            )
    axes.set_xticks([0, 1], names)
    axes.set_yticks([0, 1], names, rotation=90, va="center")
    axes.set_xlabel("called")
    axes.set_ylabel("label")
    axes.set_title(f"Test split, {sum(map(sum, matrix))} galaxies")
    figure.savefig(path, dpi=150)
