"""What all groups of nodes need: the platform, and parameters as text."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ml_metadata.proto import metadata_store_pb2


@dataclass(frozen=True)
class Place:
    """Everything that depends on the platform where a pipeline runs.

    Attributes
    ----------
    root : str
        Folder or bucket of the artifacts.
    push_directory : str
    beam_args : sequence of str
    metadata : metadata_store_pb2.ConnectionConfig or None
        None if the platform has its own metadata store.
    resolve_incumbent : bool
        Whether the platform runs TFX's Resolver (open-source Kubeflow Pipelines does not).
    scratch : str
        Folder that survives a killed run, for checkpoints and for cached features of the backbone; empty if
        the platform has none.
    """

    root: str
    push_directory: str
    beam_args: Sequence[str]
    metadata: metadata_store_pb2.ConnectionConfig | None = None
    resolve_incumbent: bool = True
    scratch: str = ""

    @property
    def checkpoints(self) -> str:
        """Folder of the checkpoints from which a killed training is resumed; empty without `scratch`."""
        return f"{self.scratch}/checkpoints" if self.scratch else ""


def as_json(tables: dict[str, Any]) -> str:
    """Return tables as a parameter of a node; equal tables give equal text."""
    return json.dumps(tables, sort_keys=True)
