"""Inputs of components that take all folds."""

from collections.abc import Mapping, Sequence

from tfx.types.artifact import Artifact
from tfx.types.channel import BaseChannel
from tfx.types.component_spec import ChannelParameter, ComponentSpec

from components.artifacts import FoldModel

# One input for each fold, because open-source Kubeflow Pipelines does not accept a union of channels.


def fold_channels(folds: Sequence[BaseChannel]) -> dict[str, BaseChannel]:
    """Name the channels of the folds ``fold_0``, ``fold_1`` ..."""
    return {f"fold_{number}": channel for number, channel in enumerate(folds)}


def with_folds(spec: type[ComponentSpec], count: int) -> type[ComponentSpec]:
    """Return a specification with a further input for each fold."""
    folds = {f"fold_{number}": ChannelParameter(type=FoldModel) for number in range(count)}
    return type(spec.__name__, (spec,), {"INPUTS": {**spec.INPUTS, **folds}, "__doc__": spec.__doc__})


def fold_folders(input_dict: Mapping[str, Sequence[Artifact]]) -> list[str]:
    """Return the folder of each fold's artifact, in order."""
    found: list[str] = []
    while artifacts := input_dict.get(f"fold_{len(found)}"):
        found.append(artifacts[0].uri)
    return found
