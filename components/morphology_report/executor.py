"""Executor of MorphologyReport."""

import json
import os
import tempfile
from pathlib import Path
from typing import Any

from tfx.components.util.model_utils import is_model_blessed
from tfx.dsl.components.base.base_executor import BaseExecutor
from tfx.dsl.io import fileio
from tfx.types import artifact_utils
from tfx.types.artifact import Artifact
from tfx.utils import io_utils, path_utils

from components.cross_validation.component import SUMMARY_FILE
from components.example_files import files_by_split
from components.morphology_report.figures import draw_confusion_matrix
from components.morphology_report.gate import gate_result
from components.morphology_report.metrics import run_metrics
from components.morphology_report.predictions import write_predictions
from trainer.folds import SCORES_FILE


class Executor(BaseExecutor):
    """Classifies every galaxy with the exported model and writes the report files."""

    def Do(
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Write the report.

        Parameters
        ----------
        input_dict : dict
            ``examples``, ``ingest_report``, ``model``, ``evaluation``, ``blessing``, ``pushed_model``, and
            ``cross_validation`` where there are folds.
        output_dict : dict
            ``report``: gets ``metrics.json``, ``predictions.csv``, ``confusion_matrix.png``, the files of the
            ingest and, where there are folds, ``out_of_fold.csv``.
        exec_properties : dict
            ``code``.
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        given = {key: artifact_utils.get_single_instance(value) for key, value in input_dict.items() if value}
        report = artifact_utils.get_single_instance(output_dict["report"])
        files = files_by_split(given["examples"])
        fileio.makedirs(report.uri)
        with fileio.open(os.path.join(report.uri, "predictions.csv"), "w") as table:
            scores = write_predictions(table, path_utils.serving_model_path(given["model"].uri), files)
        metrics = run_metrics(scores)
        metrics["cross_validation"] = None
        if "cross_validation" in given:
            folds = given["cross_validation"].uri
            with fileio.open(os.path.join(folds, SUMMARY_FILE)) as stream:
                metrics["cross_validation"] = json.loads(stream.read())
            io_utils.copy_file(os.path.join(folds, SCORES_FILE), os.path.join(report.uri, SCORES_FILE), True)
        metrics["gate"] = gate_result(given["evaluation"].uri, is_model_blessed(given["blessing"]))
        pushed = given["pushed_model"]
        metrics["pushed_version"] = pushed.get_string_custom_property("pushed_version") or None
        metrics["pushed_to"] = pushed.get_string_custom_property("pushed_destination") or None
        io_utils.write_string_file(
            os.path.join(report.uri, "metrics.json"), json.dumps(metrics, indent=2) + "\n"
        )
        with tempfile.TemporaryDirectory() as folder:
            picture = Path(folder, "confusion_matrix.png")
            draw_confusion_matrix(metrics["test"]["confusion_matrix"], picture)
            io_utils.copy_file(str(picture), os.path.join(report.uri, picture.name), overwrite=True)
        account = given["ingest_report"].uri
        for name in fileio.listdir(account):
            io_utils.copy_file(os.path.join(account, name), os.path.join(report.uri, name), overwrite=True)
