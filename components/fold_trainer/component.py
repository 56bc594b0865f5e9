"""FoldTrainer: trains on all folds but one and scores the held-out fold."""

import json
from pathlib import Path

from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types.standard_artifacts import Examples

from components.artifacts import BackboneFeatures, FoldModel
from components.example_files import learning_files
from trainer.checkpoint import checkpoint_folder
from trainer.folds import train_fold
from trainer.recipe import Recipe


@component
def FoldTrainer(
    examples: InputArtifact[Examples],
    model: OutputArtifact[FoldModel],
    fold: Parameter[int],
    recipe: Parameter[str],
    checkpoints: Parameter[str],
    code: Parameter[str],
    features: InputArtifact[BackboneFeatures] = None,
) -> None:
    """Train one fold.

    Parameters
    ----------
    examples : Examples
        Transformed Examples.
    model : FoldModel
    fold : int
    recipe : str
        Result of `Recipe.dump`, as JSON.
    checkpoints : str
        Folder of the checkpoints from which a killed training resumes; empty for none.
    code : str
        Fingerprint of our own code, for the cache.
    features : BackboneFeatures, optional
        Needed if the classifier head is trained in a phase of its own.
    """
    files = learning_files(examples)
    folder = Path(model.uri)
    folder.mkdir(parents=True, exist_ok=True)
    train_fold(
        Recipe.load(json.loads(recipe)),
        files,
        Path(features.uri) if features else None,
        fold,
        folder,
        checkpoint=checkpoint_folder(checkpoints, fold, recipe, files, code),
    )
