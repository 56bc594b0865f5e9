"""HeadTrainer: the first phase of the model that may be published."""

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
    """Train the top on the training split, stopped by the validation split; or on both.

    Parameters
    ----------
    features : BackboneFeatures
    head : Model
        Gets ``head.npz``: the Trainer's base model.
    recipe : str
        Of `Recipe.dump`, as JSON.
    code : str
        Fingerprint of our own code, for the cache.
    """
    tables = Recipe.load(json.loads(recipe))
    store = FeatureStore.load(Path(features.uri))
    everything = tables.cross_validation.publish == "retrained"
    splits = store.galaxies.splits
    learning = np.flatnonzero(np.isin(splits, (TRAIN, VALIDATION) if everything else (TRAIN,)))
    validation = None if everything else np.flatnonzero(splits == VALIDATION)
    top, history = fit_head(
        store,
        learning,
        validation,
        model=tables.model,
        settings=tables.train,
        callbacks=[HeadProgress(tables.train.epochs)],
    )
    folder = Path(path_utils.serving_model_dir(head.uri))
    folder.mkdir(parents=True, exist_ok=True)
    top.save(folder / HEAD_FILE)
    (folder / HISTORY_FILE).write_text(json.dumps(history, indent=2) + "\n")
