"""Executor for TFX's Evaluator that refuses a model whose answers are not numbers."""

import os
from pathlib import Path
from typing import Any

from tfx.components.evaluator import constants
from tfx.components.evaluator.executor import Executor as EvaluatorExecutor
from tfx.dsl.io import fileio
from tfx.types import artifact_utils
from tfx.types.artifact import Artifact
from tfx.utils import io_utils

from components.prediction_gen.classify import read_answers

NOT_EVALUATED = "NOT_EVALUATED"


class Executor(EvaluatorExecutor):
    """TFX's Evaluator, which is only asked where every answer is a number."""

    def Do(
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Evaluate the model, or refuse it.

        Parameters
        ----------
        input_dict : dict
            ``examples``, ``model``, ``predictions``, and ``baseline_model`` where there is one.
        output_dict : dict
            ``evaluation``, ``blessing``.
        exec_properties : dict
            Those of TFX's Evaluator.
        """
        others = {key: value for key, value in input_dict.items() if key != "predictions"}
        problem = read_answers(Path(artifact_utils.get_single_uri(input_dict["predictions"]))).problem
        if problem is None:
            super().Do(others, output_dict, exec_properties)
            return
        self._log_startup(input_dict, output_dict, exec_properties)
        evaluation = artifact_utils.get_single_uri(output_dict["evaluation"])
        io_utils.write_string_file(os.path.join(evaluation, NOT_EVALUATED), problem)
        blessing = artifact_utils.get_single_instance(output_dict["blessing"])
        io_utils.write_string_file(os.path.join(blessing.uri, constants.NOT_BLESSED_FILE_NAME), "")
        blessing.set_int_custom_property(constants.ARTIFACT_PROPERTY_BLESSED_KEY, constants.NOT_BLESSED_VALUE)
        model = artifact_utils.get_single_instance(input_dict["model"])
        blessing.set_string_custom_property(constants.ARTIFACT_PROPERTY_CURRENT_MODEL_URI_KEY, model.uri)
        blessing.set_int_custom_property(constants.ARTIFACT_PROPERTY_CURRENT_MODEL_ID_KEY, model.id)


def why_not_evaluated(evaluation_path: str) -> str | None:
    """Return why the model was not evaluated; None where it was."""
    path = os.path.join(evaluation_path, NOT_EVALUATED)
    if not fileio.exists(path):
        return None
    with fileio.open(path) as stream:
        return stream.read()
