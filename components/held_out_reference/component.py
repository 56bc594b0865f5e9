"""HeldOutReference: measures galaxies that a fold did not learn from, for a model that learned from all."""

import json
from pathlib import Path

from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types.standard_artifacts import Examples, HyperParameters

from components.artifacts import FoldModel
from components.example_files import learning_files
from trainer.folds import FoldScores, fold_classifiers, fold_novelty
from trainer.novelty import NOVELTY_REFERENCE
from trainer.recipe import Recipe

FILE = "hyperparameters.txt"
"""Name of the file as TFX's Tuner writes it; Trainer reads the only file of the artifact."""


@component
def HeldOutReference(
    examples: InputArtifact[Examples],
    model: InputArtifact[FoldModel],
    reference: OutputArtifact[HyperParameters],
    recipe: Parameter[str],
    code: Parameter[str],
) -> None:
    """Write the distances of a fold's galaxies from those that its classifier learned from.

    Parameters
    ----------
    examples : Examples
        Transformed Examples.
    model : FoldModel
        Output of a FoldTrainer.
    reference : HyperParameters
        Output: ``novelty_reference``, a list of distances (`trainer.novelty.Novelty`).
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
    Path(reference.uri).mkdir(parents=True, exist_ok=True)
    Path(reference.uri, FILE).write_text(json.dumps({NOVELTY_REFERENCE: distances}) + "\n")
