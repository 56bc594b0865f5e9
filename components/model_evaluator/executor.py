"""Executor of ModelEvaluator."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
from tfx.components.evaluator import constants
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.types import artifact_utils
from tfx.types.artifact import Artifact
from tfx.utils import io_utils

from components.model_evaluator.tfma_results import write_tfma
from components.optional_model import is_missing
from evaluation.formats.predictions import PREDICTIONS, Predictions, read_predictions
from evaluation.gate import judge
from evaluation.settings import GateSettings
from preprocessing.features import TEST

VERDICT_FILE = "gate.json"


class Executor(BaseBeamExecutor):
    """Judges the model by its table of predictions."""

    def Do(
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Judge the model, and evaluate its predictions with TFMA.

        Parameters
        ----------
        input_dict : dict
            ``model`` and its ``predictions``; if there is a published model, ``baseline_model`` and
            ``baseline_predictions``.
        output_dict : dict
            ``evaluation``, with `VERDICT_FILE` (`evaluation.gate.Verdict`) and, if all probabilities are
            finite, the files of TFMA; ``blessing``.
        exec_properties : dict
            ``gate``: JSON of `evaluation.settings.GateSettings`.
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        candidate = _answers(input_dict["predictions"])
        baseline = input_dict.get("baseline_predictions")
        published = _answers(baseline) if baseline else None
        verdict = judge(candidate, published, GateSettings.model_validate_json(exec_properties["gate"]))

        evaluation = artifact_utils.get_single_uri(output_dict["evaluation"])
        io_utils.write_string_file(
            os.path.join(evaluation, VERDICT_FILE), json.dumps(verdict.dump(), indent=2) + "\n"
        )
        # TFMA's metrics fail if a probability is not finite.
        if verdict.n and _all_finite(candidate):
            whole = verdict.published is not None and verdict.published["n"] == verdict.n
            if published is not None and not (whole and _all_finite(published)):
                published = None
            with self._make_beam_pipeline() as pipeline:
                write_tfma(pipeline, candidate, published, evaluation)
        _bless(artifact_utils.get_single_instance(output_dict["blessing"]), verdict.blessed, input_dict)


def _answers(artifacts: list[Artifact]) -> Predictions:
    return read_predictions(Path(artifact_utils.get_single_uri(artifacts)) / PREDICTIONS)


def _all_finite(predictions: Predictions) -> bool:
    return bool(np.isfinite(predictions.scored(TEST)[1]).all())


def _bless(blessing: Artifact, blessed: bool, input_dict: dict[str, list[Artifact]]) -> None:
    """Write the verdict as TFX's Evaluator does, for Pusher and Resolver."""
    name = constants.BLESSED_FILE_NAME if blessed else constants.NOT_BLESSED_FILE_NAME
    io_utils.write_string_file(os.path.join(blessing.uri, name), "")
    value = constants.BLESSED_VALUE if blessed else constants.NOT_BLESSED_VALUE
    blessing.set_int_custom_property(constants.ARTIFACT_PROPERTY_BLESSED_KEY, value)
    models = {
        "model": (
            constants.ARTIFACT_PROPERTY_CURRENT_MODEL_URI_KEY,
            constants.ARTIFACT_PROPERTY_CURRENT_MODEL_ID_KEY,
        ),
        "baseline_model": (
            constants.ARTIFACT_PROPERTY_BASELINE_MODEL_URI_KEY,
            constants.ARTIFACT_PROPERTY_BASELINE_MODEL_ID_KEY,
        ),
    }
    for role, (uri_key, id_key) in models.items():
        for model in input_dict.get(role, []):
            if is_missing(model):
                continue
            blessing.set_string_custom_property(uri_key, model.uri)
            blessing.set_int_custom_property(id_key, model.id)
