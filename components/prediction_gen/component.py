"""PredictionGen: what the exported model says of every galaxy."""

import json
from pathlib import Path

from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types.standard_artifacts import Examples, Model
from tfx.utils import path_utils

from components.artifacts import Predictions
from components.example_files import files_by_split
from components.prediction_gen.classify import classify_examples


@component
def PredictionGen(
    examples: InputArtifact[Examples],
    model: InputArtifact[Model],
    predictions: OutputArtifact[Predictions],
    bands: Parameter[str],
    code: Parameter[str],
) -> None:
    """Ask the exported model about every galaxy of the run, once.

    Parameters
    ----------
    examples : Examples
        Raw.
    model : Model
        Exported by Trainer or FoldModel.
    predictions : Predictions
    bands : str
        Bands in the Examples, as JSON.
    code : str
        Fingerprint of our own code, for the cache.
    """
    folder = Path(predictions.uri)
    folder.mkdir(parents=True, exist_ok=True)
    classify_examples(
        folder, path_utils.serving_model_path(model.uri), files_by_split(examples), json.loads(bands)
    )
