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

from components.morphology_report.figures import draw_confusion_matrix
from components.morphology_report.gate import gate_result
from components.morphology_report.metrics import run_metrics
from components.morphology_report.predictions import write_predictions


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
            ``examples``, ``ingest_report``, ``model``, ``evaluation``, ``blessing``, ``pushed_model``.
        output_dict : dict
            ``report``: gets ``metrics.json``, ``predictions.csv``, ``confusion_matrix.png``, ``ingest.json``
            and ``rejects.csv``.
        exec_properties : dict
            ``code``.
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        given = {key: artifact_utils.get_single_instance(value) for key, value in input_dict.items()}
        report = artifact_utils.get_single_instance(output_dict["report"])
        examples = given["examples"]
        files = {
            split: fileio.glob(os.path.join(examples.uri, f"Split-{split}", "*"))
            for split in artifact_utils.decode_split_names(examples.split_names)
        }
        fileio.makedirs(report.uri)
        with fileio.open(os.path.join(report.uri, "predictions.csv"), "w") as table:
            scores = write_predictions(table, path_utils.serving_model_path(given["model"].uri), files)
        metrics = run_metrics(scores)
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
