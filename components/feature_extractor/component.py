"""FeatureExtractor: features of every picture by the frozen backbone, for each augmented view."""

import json
from pathlib import Path

from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types.standard_artifacts import Examples

from components.artifacts import BackboneFeatures
from components.example_files import learning_files
from preprocessing.progress import send_progress
from trainer.backbone_features import FeatureCache, compute_features, features_key
from trainer.fine_tune import start_classifier
from trainer.recipe import Recipe


@component
def FeatureExtractor(
    examples: InputArtifact[Examples],
    features: OutputArtifact[BackboneFeatures],
    recipe: Parameter[str],
    cache: Parameter[str],
    code: Parameter[str],
) -> None:
    """Compute the features of the training and validation galaxies.

    Parameters
    ----------
    examples : Examples
        Transformed Examples.
    features : BackboneFeatures
    recipe : str
        Result of `Recipe.dump`, as JSON. Only the settings on which features depend matter.
    cache : str
        Folder in which features are cached by the content of a picture; empty for no cache.
    code : str
        Fingerprint of the code that builds the network.
    """
    tables = Recipe.load(json.loads(recipe))
    key = features_key(tables.model, tables.train, tables.image.size, code)
    send_progress("building the network")
    Path(features.uri).mkdir(parents=True, exist_ok=True)
    computed = compute_features(
        start_classifier(tables, None),
        learning_files(examples),
        Path(features.uri),
        views=tables.train.views,
        batch_size=tables.train.batch_size,
        cache=FeatureCache(Path(cache, key)) if cache else None,
    )
    features.set_int_custom_property("computed", computed)
