"""PredictionGen: what an exported model says of the galaxies of a run."""

import json
from pathlib import Path

from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types.standard_artifacts import Examples, Model
from tfx.utils import path_utils

from components.artifacts import Predictions
from components.example_files import files_by_split
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
    """Ask an exported model about galaxies of the run, once.

    Parameters
    ----------
    examples : Examples
        Raw.
    predictions : Predictions
    bands : str
        Bands in the Examples, as JSON.
    flux : str
        How the numbers in the stamps became flux, as JSON (`DataSettings.flux`).
    splits : str
        Splits to be asked about, as JSON; an empty list: all.
    code : str
        Fingerprint of our own code, for the cache.
    model : Model
        Exported by Trainer or FoldExporter. Without one the table has no row.

    Raises
    ------
    IncompatibleModelError
        If the Examples lack a band or pixels that the model needs, or it learned from other flux.
    """
    folder = Path(predictions.uri)
    folder.mkdir(parents=True, exist_ok=True)
    if model is None:
        write_no_answers(folder)
        return
    asked = json.loads(splits)
    files = {split: paths for split, paths in files_by_split(examples).items() if not asked or split in asked}
    classify_examples(
        folder, path_utils.serving_model_path(model.uri), files, json.loads(bands), json.loads(flux)
    )
