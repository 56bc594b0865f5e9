"""HeadTrainer: trains the classifier head of the candidate model, its first training phase."""

import json
from pathlib import Path

import numpy as np
from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types.standard_artifacts import Model
from tfx.utils import path_utils

from components.artifacts import BackboneFeatures
from preprocessing.features import TRAIN, VALIDATION
from trainer.backbone_features import FeatureStore
from trainer.epoch_progress import HeadProgress
from trainer.head import fit_head
from trainer.recipe import HEAD_FILE, HISTORY_FILE, Recipe


@component
def HeadTrainer(
    features: InputArtifact[BackboneFeatures],
    head: OutputArtifact[Model],
    recipe: Parameter[str],
    code: Parameter[str],
) -> None:
    """Train the classifier head on the training split with early stopping, or on training and validation.

    Parameters
    ----------
    features : BackboneFeatures
    head : Model
        Output with ``head.npz``, the base model of the Trainer.
    recipe : str
        Result of `Recipe.dump`, as JSON.
    code : str
        Fingerprint of our own code, for the cache.
    """
    tables = Recipe.load(json.loads(recipe))
    store = FeatureStore.load(Path(features.uri))
    retrained = tables.cross_validation.publish == "retrained"
    splits = store.galaxies.splits
    learning = np.flatnonzero(np.isin(splits, (TRAIN, VALIDATION) if retrained else (TRAIN,)))
    validation = None if retrained else np.flatnonzero(splits == VALIDATION)
    trained_head, history = fit_head(
        store,
        learning,
        validation,
        model=tables.model,
        settings=tables.train,
        callbacks=[HeadProgress(tables.train.epochs)],
    )
    folder = Path(path_utils.serving_model_dir(head.uri))
    folder.mkdir(parents=True, exist_ok=True)
    trained_head.save(folder / HEAD_FILE)
    (folder / HISTORY_FILE).write_text(json.dumps(history, indent=2) + "\n")
