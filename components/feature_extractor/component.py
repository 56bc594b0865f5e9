"""FeatureExtractor: what the frozen backbone says of every picture, in each view asked for."""

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
        Transformed.
    features : BackboneFeatures
    recipe : str
        Of `Recipe.dump`, as JSON; only what features depend on need be in it as it will be trained.
    cache : str
        Folder in which features are found again by the content of a picture; empty: none.
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
