"""What a signature takes and answers, as the SavedModel states it, and the checks of a request against it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import meta_graph_pb2, saved_model_pb2

from evaluation.formats.exported_model import SAVED_MODEL
from serving.embedded.errors import invalid

Arrays = Mapping[str, np.ndarray]
"""Tensors by name. Strings are object arrays of bytes."""


@dataclass(frozen=True)
class TensorKind:
    """Type and shape of a tensor.

    Attributes
    ----------
    dtype : tf.DType
    shape : tuple of int or None
        None for an axis of any length.
    """

    dtype: tf.DType
    shape: tuple[int | None, ...]

    def __str__(self) -> str:
        axes = ["N", *("any" if axis is None else str(axis) for axis in self.shape[1:])]
        return f"{self.dtype.name} of shape ({', '.join(axes)}{',' if len(axes) == 1 else ''})"

    def takes(self, shape: tuple[int, ...]) -> bool:
        """Return whether a tensor may have this shape."""
        same_rank = len(shape) == len(self.shape)
        return same_rank and all(mine in (None, its) for mine, its in zip(self.shape, shape, strict=True))


@dataclass(frozen=True)
class Signature:
    """A signature of a SavedModel.

    Attributes
    ----------
    name : str
    inputs, outputs : dict of TensorKind
    """

    name: str
    inputs: Mapping[str, TensorKind]
    outputs: Mapping[str, TensorKind]

    def check_names(self, names: set[str]) -> None:
        """Refuse a request that lacks an input or has others."""
        if names == set(self.inputs):
            return
        takes = ", ".join(f"{name} ({kind})" for name, kind in self.inputs.items())
        raise invalid(f"{self.name} takes {takes}; the request has {', '.join(sorted(names)) or 'no input'}")

    def check(self, arrays: Arrays) -> int:
        """Return the number of objects in a request; refuse one that the signature does not take."""
        self.check_names(set(arrays))
        for name, kind in self.inputs.items():
            array = arrays[name]
            dtype = tf.string if array.dtype == object else tf.as_dtype(array.dtype)
            if dtype != kind.dtype or not kind.takes(array.shape):
                raise invalid(f"{name} is {dtype.name} of shape {array.shape}; {self.name} takes {kind}")
        rows = {len(array) for array in arrays.values()}
        if len(rows) > 1:
            raise invalid(f"the inputs of {self.name} have different numbers of objects: {sorted(rows)}")
        (count,) = rows
        if not count:
            raise invalid(f"the request holds no objects; {self.name} takes at least one")
        return count


def read_signature_defs(folder: Path) -> dict[str, meta_graph_pb2.SignatureDef]:
    """Return the signatures of a SavedModel as its file states them."""
    saved = saved_model_pb2.SavedModel.FromString((folder / SAVED_MODEL).read_bytes())
    (graph,) = (each for each in saved.meta_graphs if "serve" in each.meta_info_def.tags)
    return dict(graph.signature_def)


def signature_of(name: str, definition: meta_graph_pb2.SignatureDef) -> Signature:
    """Return a signature from its definition."""
    return Signature(name, *(_kinds(tensors) for tensors in (definition.inputs, definition.outputs)))


def _kinds(tensors: Mapping[str, meta_graph_pb2.TensorInfo]) -> dict[str, TensorKind]:
    return {
        name: TensorKind(
            tf.as_dtype(tensor.dtype),
            tuple(None if axis.size < 0 else axis.size for axis in tensor.tensor_shape.dim),
        )
        for name, tensor in tensors.items()
    }
