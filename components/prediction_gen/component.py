"""PredictionGen: predictions of an exported model for the galaxies of a run."""

import json
from pathlib import Path

from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types.standard_artifacts import Examples, Model
from tfx.utils import path_utils

from components.artifacts import Predictions
from components.example_files import files_by_split
from components.optional_model import is_missing
from components.prediction_gen.classify import classify_examples, write_no_answers


@component
def PredictionGen(
    examples: InputArtifact[Examples],
    predictions: OutputArtifact[Predictions],
    bands: Parameter[str],
    flux: Parameter[str],
    splits: Parameter[str],
    code: Parameter[str],
    model: InputArtifact[Model] = None,
) -> None:
    """Classify galaxies of the run once with an exported model.

    Parameters
    ----------
    examples : Examples
        Raw Examples.
    predictions : Predictions
    bands : str
        Bands in the Examples, as JSON.
    flux : str
        Settings that convert the numbers in the stamps to flux, as JSON (`DataSettings.flux`).
    splits : str
        Splits to classify, as JSON; an empty list for all.
    code : str
        Fingerprint of our own code, for the cache.
    model : Model
        Exported by Trainer or FoldExporter. Without a model the table is empty.

    Raises
    ------
    IncompatibleModelError
        If the Examples lack a band or pixels that the model needs, or the model was trained with other flux
        settings.
    """
    folder = Path(predictions.uri)
    folder.mkdir(parents=True, exist_ok=True)
    if is_missing(model):
        write_no_answers(folder)
        return
    asked = json.loads(splits)
    files = {split: paths for split, paths in files_by_split(examples).items() if not asked or split in asked}
    classify_examples(
        folder, path_utils.serving_model_path(model.uri), files, json.loads(bands), json.loads(flux)
    )
