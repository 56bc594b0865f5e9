"""Apply a function to a batch part by part, inside a TensorFlow graph."""

from collections.abc import Callable, Sequence

import tensorflow as tf


def in_parts(
    function: Callable[[slice], Sequence[tf.Tensor]],
    total: tf.Tensor,
    size: int,
    outputs: Sequence[tf.TensorSpec],
    parallel: int = 1,
) -> tuple[tf.Tensor, ...]:
    """Apply a function to parts of a batch, and join what it returns.

    Parameters
    ----------
    function : callable
        Takes the part as a slice of the batch's first axis, of at most `size` elements, and returns one
        tensor for each of `outputs`.
    total : tf.Tensor, int32, shape ()
        Number of elements of the batch.
    size : int
        Number of elements of a part; the last may be smaller.
    outputs : sequence of tf.TensorSpec
        What the function returns, with a first axis of unknown length.
    parallel : int, optional
        Number of parts that are computed at once; each takes its own memory.

    Returns
    -------
    tuple of tf.Tensor
        Joined along their first axes; of length 0 for an empty batch.
    """
    parts = (total + size - 1) // size
    arrays = tuple(
        tf.TensorArray(each.dtype, size=parts, element_shape=each.shape, infer_shape=False)
        for each in outputs
    )

    def step(index: tf.Tensor, arrays: tuple[tf.TensorArray, ...]) -> tuple[tf.Tensor, tuple]:
        found = function(slice(index * size, (index + 1) * size))
        return index + 1, tuple(array.write(index, each) for array, each in zip(arrays, found, strict=True))

    _, arrays = tf.while_loop(lambda index, _: index < parts, step, (0, arrays), parallel_iterations=parallel)
    return tuple(array.concat() for array in arrays)
