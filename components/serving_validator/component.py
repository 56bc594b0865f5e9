"""ServingValidator: blesses a candidate that a server can load and that answers as it was evaluated."""

import os
from pathlib import Path

from tfx.components.infra_validator import executor as infra_validator
from tfx.components.util.model_utils import is_model_blessed
from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types.artifact import Artifact
from tfx.types.standard_artifacts import Examples, InfraBlessing, Model, ModelBlessing
from tfx.utils import io_utils, path_utils

from components.artifacts import Predictions
from components.example_files import files_by_split
from components.serving_validator.executor import GATE_REFUSED, validate
from serving.validation.result import write_trial
from serving.validation.served import Patience


@component
def ServingValidator(
    examples: InputArtifact[Examples],
    model: InputArtifact[Model],
    predictions: InputArtifact[Predictions],
    model_blessing: InputArtifact[ModelBlessing],
    blessing: OutputArtifact[InfraBlessing],
    timeout: Parameter[int],
    code: Parameter[str],
) -> None:
    """Try the candidate in a server, as `serving.validation.trial` says.

    Parameters
    ----------
    examples : Examples
        Raw Examples.
    model : Model
        Exported by Trainer or FoldExporter.
    predictions : Predictions
        Output of PredictionGen, with which the answers are compared.
    model_blessing : ModelBlessing
        Output of ModelEvaluator. A model that the gate refused is not tried.
    blessing : InfraBlessing
        Output as TFX's InfraValidator writes it, with ``serving.json``.
    timeout : int
        For the model to load, and for the answer to each request [s].
    code : str
        Fingerprint of our own code, for the cache.
    """
    trial = GATE_REFUSED
    if is_model_blessed(model_blessing):
        path = Path(path_utils.serving_model_path(model.uri))
        patience = Patience(timeout, timeout)
        trial = validate(path, files_by_split(examples), Path(predictions.uri), patience)
    write_trial(Path(blessing.uri), trial)
    bless(blessing, trial.blessed)


def bless(blessing: Artifact, blessed: bool) -> None:
    """Write the verdict as TFX's InfraValidator does, for the Pusher."""
    name = infra_validator._BLESSED_FILENAME if blessed else infra_validator._NOT_BLESSED_FILENAME
    io_utils.write_string_file(os.path.join(blessing.uri, name), "")
    blessing.set_int_custom_property(infra_validator._BLESSED_KEY, int(blessed))
