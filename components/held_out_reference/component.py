"""HeldOutReference: what galaxies tell that a fold did not learn from, for a model that learned from all."""

import json
from pathlib import Path

from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types.standard_artifacts import Examples, HyperParameters

from components.artifacts import CrossValidation, FoldModel
from components.example_files import learning_files
from evaluation.calibration import fit_temperature
from evaluation.formats.out_of_fold import SCORES_FILE, read_scores
from trainer.folds import FoldScores, fold_classifiers, fold_novelty
from trainer.novelty import NOVELTY_REFERENCE
from trainer.recipe import Recipe
from trainer.temperature import TEMPERATURE

FILE = "hyperparameters.txt"
"""Name of the file as TFX's Tuner writes it; Trainer reads the only file of the artifact."""


@component
def HeldOutReference(
    examples: InputArtifact[Examples],
    model: InputArtifact[FoldModel],
    summary: InputArtifact[CrossValidation],
    reference: OutputArtifact[HyperParameters],
    recipe: Parameter[str],
    code: Parameter[str],
) -> None:
    """Write the distances of a fold's galaxies from those that its classifier learned from; a temperature.

    Parameters
    ----------
    examples : Examples
        Transformed Examples.
    model : FoldModel
        Output of a FoldTrainer.
    summary : CrossValidation
        Has the out-of-fold predictions of all folds.
    reference : HyperParameters
        Output: ``novelty_reference``, a list of distances (`trainer.novelty.Novelty`); ``temperature``,
        fitted on the out-of-fold predictions.
    recipe : str
        Result of `Recipe.dump`, as JSON.
    code : str
        Fingerprint of our own code, for the cache.
    """
    tables, folder = Recipe.load(json.loads(recipe)), Path(model.uri)
    fold = FoldScores.load(folder).about["fold"]
    classifier = fold_classifiers(tables, [folder])[0]
    novelty = fold_novelty(classifier, tables, learning_files(examples), fold)
    distances = [] if novelty is None else novelty.reference.tolist()
    scores = read_scores(Path(summary.uri, SCORES_FILE))
    temperature = fit_temperature(scores.labels, scores.p_elliptical)
    Path(reference.uri).mkdir(parents=True, exist_ok=True)
    content = {NOVELTY_REFERENCE: distances, TEMPERATURE: temperature}
    Path(reference.uri, FILE).write_text(json.dumps(content) + "\n")
