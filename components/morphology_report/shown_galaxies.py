"""The pictures of a report: selects galaxies by their scores and renders them."""

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
    """Render the galaxies that the report shows, and Grad-CAM maps of some of them.

    Parameters
    ----------
    folder : Path
        Folder of the report, with its evidence; ``pictures/`` is written into it.
    files : mapping of str to sequence of str
        TFRecords of raw Examples by split.
    recipe : Recipe
        Recipe of the training.
    bands : sequence of str
        Bands in the Examples.
    weights : Path or None
        Artifact of the Trainer or of a fold; None for no Grad-CAM maps.
    """
    evidence = read_evidence(folder)
    choice = choose(evidence.predictions, evidence.out_of_fold)
    render_pictures(folder / PICTURES, files, choice.names, choice.views, recipe.image, bands)
    if weights is not None and choice.attention:
        send_progress("drawing Grad-CAM maps")
        rows = evidence.predictions.find(choice.attention)
        p_elliptical = {name: float(evidence.predictions.p_elliptical[row]) for name, row in rows.items()}
        several = recipe.cross_validation.publish == "ensemble"
        remark = (
            "The published model is the mean of all folds; the maps are of the first fold." if several else ""
        )
        add_attention(folder / PICTURES, load_classifier(recipe, weights), p_elliptical, remark=remark)
