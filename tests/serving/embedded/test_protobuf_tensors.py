import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.framework import tensor_pb2

from serving.embedded.errors import ServingError
from serving.embedded.protobuf_tensors import arrays_of, write_tensor

ARRAYS = [
    np.arange(24, dtype=np.float32).reshape(2, 3, 4),
    np.full((2, 2), np.nan, np.float32),
    np.arange(6, dtype=np.int64).reshape(3, 2),
    np.array([True, False]),
    np.zeros((0, 4, 4, 3), np.float32),
    np.array([[b"a", b""], [b"\0", b"bc"]], object),
    np.array([1.5, -2.0], np.float16),
]


@pytest.mark.parametrize("array", ARRAYS, ids=lambda array: f"{array.dtype}{array.shape}")
def test_what_tensorflow_writes_is_read(array):
    found = arrays_of({"x": tf.make_tensor_proto(array)})["x"]
    assert found.dtype == array.dtype
    np.testing.assert_array_equal(found, array)


@pytest.mark.parametrize("array", ARRAYS, ids=lambda array: f"{array.dtype}{array.shape}")
def test_what_is_written_tensorflow_reads(array):
    tensor = tensor_pb2.TensorProto()
    write_tensor(array, tensor)
    found = tf.make_ndarray(tensor)
    assert found.dtype == array.dtype
    np.testing.assert_array_equal(found, array)


def test_one_value_may_stand_for_all():
    tensor = tf.make_tensor_proto(np.float32(2), shape=[2, 3])
    np.testing.assert_array_equal(arrays_of({"x": tensor})["x"], np.full((2, 3), 2, np.float32))


@pytest.mark.parametrize("count", [0, 1, 5, 7])
def test_content_of_another_length_is_refused(count):
    tensor = tf.make_tensor_proto(np.zeros((2, 3), np.float32))
    tensor.tensor_content = b"\0" * (4 * count) or b"\0\0"
    with pytest.raises(ServingError, match="do not fit the shape"):
        arrays_of({"x": tensor})
