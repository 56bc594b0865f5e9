"""The pictures of a report: which galaxies are shown is chosen by their scores, then they are rendered."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from components.morphology_report.attention import add_attention
from components.morphology_report.pictures import render_pictures
from preprocessing.progress import send_progress
from report.evidence.reading import PICTURES, read_evidence
from report.run.choice import choose
from trainer.recipe import Recipe
from trainer.trained import load_classifier


def render_shown_galaxies(
    folder: Path,
    files: Mapping[str, Sequence[str]],
    recipe: Recipe,
    bands: Sequence[str],
    weights: Path | None,
) -> None:
    """Render the galaxies that the report shows, and draw where the network looks in some of them.

    Parameters
    ----------
    folder : Path
        Of the report, with its evidence; gets ``pictures/``.
    files : mapping of str to sequence of str
        TFRecords of raw Examples by split.
    recipe : Recipe
        As the network was trained.
    bands : sequence of str
        Bands in the Examples.
    weights : Path or None
        What Trainer or a fold has left; None: nothing is drawn of where the network looks.
    """
    evidence = read_evidence(folder)
    choice = choose(evidence.predictions, evidence.out_of_fold)
    render_pictures(folder / PICTURES, files, choice.names, choice.views, recipe.image, bands)
    if weights is not None and choice.attention:
        send_progress("drawing where the network looks")
        rows = evidence.predictions.find(choice.attention)
        p_elliptical = {name: float(evidence.predictions.p_elliptical[row]) for name, row in rows.items()}
        several = recipe.cross_validation.publish == "ensemble"
        whose = "Of the networks whose mean is published it is the first fold's." if several else ""
        add_attention(folder / PICTURES, load_classifier(recipe, weights), p_elliptical, whose=whose)
