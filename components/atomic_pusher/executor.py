"""Executor of AtomicPusher."""

import os
from pathlib import Path
from typing import Any

from tfx.components.pusher.executor import Executor as PusherExecutor
from tfx.types import artifact_utils
from tfx.types.artifact import Artifact
from tfx.utils import io_utils

from components.atomic_pusher.publish import publish_model, upload_model


class Executor(PusherExecutor):
    """TFX's Pusher, with consecutive version numbers and the files of the model card."""

    def Do(
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Publish the model if all its validators have blessed it.

        Parameters
        ----------
        input_dict : dict
            ``model``, ``model_blessing``, ``model_card``; optionally ``infra_blessing``.
        output_dict : dict
            ``pushed_model``: a copy, with the properties ``pushed``, ``pushed_destination`` and
            ``pushed_version``.
        exec_properties : dict
            ``directory``: folder of the versions, or URI in an object store.
        """
        directory = exec_properties["directory"]
        pushed = artifact_utils.get_single_instance(output_dict["pushed_model"])
        card = Path(artifact_utils.get_single_uri(input_dict["model_card"]))
        self._log_startup(input_dict, output_dict, exec_properties)
        if not self.CheckBlessing(input_dict):
            self._MarkNotPushed(pushed)
            # Kubeflow's launcher does not upload an empty folder, and the nodes that read it would fail.
            io_utils.write_string_file(os.path.join(pushed.uri, "NOT_PUSHED"), "")
            return
        model = self.GetModelPath(input_dict)
        if "://" in directory:
            published = upload_model(Path(model), directory, extra=card)
        else:
            published = str(publish_model(Path(model), Path(directory), extra=card))
        io_utils.copy_dir(model, pushed.uri)
        self._MarkPushed(pushed, pushed_destination=published, pushed_version=published.rsplit("/", 1)[-1])
