"""What all groups of nodes need: the platform, and parameters that TFX's own components cannot take."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ml_metadata.proto import metadata_store_pb2
from tfx.dsl.components.base.base_node import BaseNode
from tfx.types.channel import BaseChannel


@dataclass(frozen=True)
class Place:
    """Everything that depends on the platform where a pipeline runs.

    Attributes
    ----------
    root : str
        Folder or bucket of the artifacts.
    beam_args : sequence of str
    metadata : metadata_store_pb2.ConnectionConfig or None
        None if the platform has its own metadata store.
    incumbent : BaseChannel or None
        The published model to be compared with; None if TFX's Resolver finds it, which open-source Kubeflow
        Pipelines does not run.
    scratch : str
        Folder that survives a killed run, for checkpoints and for cached features of the backbone; empty if
        the platform has none.
    """

    root: str
    beam_args: Sequence[str]
    metadata: metadata_store_pb2.ConnectionConfig | None = None
    incumbent: BaseChannel | None = None
    scratch: str = ""

    @property
    def checkpoints(self) -> str:
        """Folder of the checkpoints from which a killed training is resumed; empty without `scratch`."""
        return f"{self.scratch}/checkpoints" if self.scratch else ""


def set_custom_config(node: BaseNode, value: Any) -> None:
    """Set ``custom_config`` of TFX's Transform or Trainer, which take a dict but no placeholder."""
    node.exec_properties["custom_config"] = value
