"""Tensors of protocol buffers as arrays, and back."""

from collections.abc import Mapping

import numpy as np
import tensorflow as tf
from tensorflow.core.framework import tensor_pb2

from serving.embedded.errors import invalid

LARGEST_TENSOR = 512 * 2**20
"""Bytes of an input. A message of a few bytes may state a shape of any size, and one value for all of it."""


def arrays_of(tensors: Mapping[str, tensor_pb2.TensorProto]) -> dict[str, np.ndarray]:
    """Return the tensors of a request.

    Parameters
    ----------
    tensors : mapping of TensorProto

    Returns
    -------
    dict of numpy.ndarray
        Strings as object arrays of bytes. Others may be read-only.

    Raises
    ------
    ServingError
        If the values do not fit the shape, or the shape is too large.
    """
    return {name: _array(name, tensor) for name, tensor in tensors.items()}


def write_tensor(array: np.ndarray, tensor: tensor_pb2.TensorProto) -> None:
    """Write an output into an empty message as TF Serving does: in the field of its type.

    Clients read that field directly.

    Parameters
    ----------
    array : numpy.ndarray
    tensor : TensorProto
    """
    for axis in array.shape:
        tensor.tensor_shape.dim.add().size = axis
    if array.dtype == object:
        tensor.dtype = tf.string.as_datatype_enum
        tensor.string_val.extend(array.reshape(-1).tolist())
    elif array.dtype == np.float32:
        tensor.dtype = tf.float32.as_datatype_enum
        tensor.float_val.extend(array.reshape(-1).tolist())
    else:
        tensor.CopyFrom(tf.make_tensor_proto(array))


def _array(name: str, tensor: tensor_pb2.TensorProto) -> np.ndarray:
    try:
        dtype = tf.as_dtype(tensor.dtype)
    except TypeError:
        raise invalid(f"{name} has no known type (DataType {tensor.dtype})") from None
    if tensor.tensor_shape.unknown_rank or any(axis.size < 0 for axis in tensor.tensor_shape.dim):
        raise invalid(f"{name} has no complete shape")
    size = 1
    for axis in tensor.tensor_shape.dim:
        size *= axis.size
    if size * dtype.size > LARGEST_TENSOR:
        raise invalid(f"{name} would take {size * dtype.size} bytes; the limit is {LARGEST_TENSOR}")
    if dtype == tf.string and size != len(tensor.string_val):
        # Otherwise the last string would be repeated, and a file missing would pass for its neighbour.
        raise invalid(f"{name} has {len(tensor.string_val)} strings for a shape of {size}")
    if dtype != tf.string and size and len(tensor.tensor_content) == size * dtype.size:
        # As `make_ndarray`, without a copy of what is copied into the batch anyway.
        values = np.frombuffer(tensor.tensor_content, dtype.as_numpy_dtype)
        return values.reshape([axis.size for axis in tensor.tensor_shape.dim])
    try:
        array = tf.make_ndarray(tensor)
    except (ValueError, TypeError) as error:
        cause = " ".join(str(error).split())
        raise invalid(f"{name}: the values do not fit the shape: {cause}") from None
    return array
