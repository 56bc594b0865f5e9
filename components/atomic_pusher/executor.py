"""Executor for TFX's Pusher that publishes in one step, under consecutive version numbers."""

import os
import shutil
import uuid
from pathlib import Path
from typing import Any

from google.protobuf import json_format
from tfx.components.pusher.executor import Executor as PusherExecutor
from tfx.proto import pusher_pb2
from tfx.types import artifact_utils
from tfx.types.artifact import Artifact
from tfx.utils import io_utils


def publish_model(model: Path, directory: Path) -> Path:
    """Publish a SavedModel as the next numbered version, all at once.

    Parameters
    ----------
    model : Path
        Folder of the SavedModel.
    directory : Path
        Folder of the versions 1, 2, 3 ...

    Returns
    -------
    Path
        Folder of the new version.

    Notes
    -----
    The copy is made under a hidden name in the same folder, flushed to disk, and renamed: a model server
    that watches the folder, or a run killed halfway, never shows half a model.
    """
    directory.mkdir(parents=True, exist_ok=True)
    copy = directory / f".incoming-{uuid.uuid4().hex}"
    try:
        shutil.copytree(model, copy)
        for path in copy.rglob("*"):
            if path.is_file():
                with open(path, "rb") as stream:
                    os.fsync(stream.fileno())
        while True:
            version = directory / str(1 + max(published_versions(directory), default=0))
            try:
                copy.rename(version)
            except OSError:
                # Somebody else took the number between the look and the rename: take the next.
                if not version.exists():
                    raise
            else:
                return version
    finally:
        shutil.rmtree(copy, ignore_errors=True)


def published_versions(directory: Path) -> list[int]:
    """Return the numbers of the versions under a folder, in ascending order.

    Parameters
    ----------
    directory : Path

    Returns
    -------
    list of int
        Empty if the folder does not exist.
    """
    if not directory.is_dir():
        return []
    return sorted(int(path.name) for path in directory.iterdir() if path.name.isdecimal())


class Executor(PusherExecutor):
    """TFX's Pusher, publishing by `publish_model` where the destination is a local or mounted folder.

    Object stores have no rename; there TFX's own push stands, which copies ``saved_model.pb`` last.
    """

    def Do(
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Publish the model if it is blessed.

        Parameters
        ----------
        input_dict : dict
            ``model``, ``model_blessing``.
        output_dict : dict
            ``pushed_model``: a copy, with the properties ``pushed``, ``pushed_destination`` and
            ``pushed_version``.
        exec_properties : dict
            ``push_destination``: JSON of `pusher_pb2.PushDestination`.
        """
        destination = json_format.Parse(exec_properties["push_destination"], pusher_pb2.PushDestination())
        directory = destination.filesystem.base_directory
        if "://" in directory:
            super().Do(input_dict, output_dict, exec_properties)
            return
        self._log_startup(input_dict, output_dict, exec_properties)
        pushed = artifact_utils.get_single_instance(output_dict["pushed_model"])
        if not self.CheckBlessing(input_dict):
            self._MarkNotPushed(pushed)
            # An empty folder is not uploaded by Kubeflow's launcher, and its reader would then fail.
            io_utils.write_string_file(os.path.join(pushed.uri, "NOT_PUSHED"), "")
            return
        model = self.GetModelPath(input_dict)
        version = publish_model(Path(model), Path(directory))
        io_utils.copy_dir(model, pushed.uri)
        self._MarkPushed(pushed, pushed_destination=str(version), pushed_version=version.name)
