"""Executor of AtomicPusher: publishes atomically, under consecutive version numbers."""

import os
from pathlib import Path
from typing import Any

from google.protobuf import json_format
from tfx.components.pusher.executor import Executor as PusherExecutor
from tfx.dsl.io import fileio
from tfx.proto import pusher_pb2
from tfx.types import artifact_utils
from tfx.types.artifact import Artifact
from tfx.utils import io_utils

from components.atomic_pusher.publish import publish_model
from evaluation.formats.exported_model import EXTRA


class Executor(PusherExecutor):
    """TFX's Pusher, which uses `publish_model` if the destination is a local or mounted folder.

    Object stores have no atomic rename; for them TFX's own push is used, which copies ``saved_model.pb``
    last.
    """

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
            ``push_destination``: JSON of `pusher_pb2.PushDestination`.
        """
        destination = json_format.Parse(exec_properties["push_destination"], pusher_pb2.PushDestination())
        directory = destination.filesystem.base_directory
        pushed = artifact_utils.get_single_instance(output_dict["pushed_model"])
        card = artifact_utils.get_single_uri(input_dict["model_card"])
        self._log_startup(input_dict, output_dict, exec_properties)
        if not self.CheckBlessing(input_dict):
            self._MarkNotPushed(pushed)
            # Kubeflow's launcher does not upload an empty folder, and the nodes that read it would fail.
            io_utils.write_string_file(os.path.join(pushed.uri, "NOT_PUSHED"), "")
            return
        if "://" in directory:
            super().Do(input_dict, output_dict, exec_properties)
            published = pushed.get_string_custom_property("pushed_destination")
            for name in fileio.listdir(card):
                # File by file: copy_dir would first delete the files of the model in that folder.
                io_utils.copy_file(os.path.join(card, name), os.path.join(published, EXTRA, name))
            return
        model = self.GetModelPath(input_dict)
        version = publish_model(Path(model), Path(directory), extra=Path(card))
        io_utils.copy_dir(model, pushed.uri)
        self._MarkPushed(pushed, pushed_destination=str(version), pushed_version=version.name)
