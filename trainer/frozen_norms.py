"""Batch norms in inference mode as part of the convolutions before them.

A batch norm that does not learn multiplies each channel by a number and adds another. The first can be
multiplied into the kernel of the convolution before it, and the second is its bias (Jacob et al. 2018,
arXiv:1712.05877, section 3.2). That leaves out two passes over the feature maps, and TensorFlow joins
convolution, bias and ReLU6 to one operation.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from trainer.model import backbone_of


@contextmanager
def frozen_norms(model: keras.Model) -> Iterator[None]:
    """Take the batch norms of a classifier that are not trained as fixed, while it is traced and trained.

    Keras reads four variables and computes scale and offset from them in every step, which for a network of
    hundreds of batch norms takes long to trace, and many small operations on a GPU. Kernels of convolutions
    are multiplied by the scale in the graph, so that they still learn. A model without backbone, and batch
    norms that learn, stay as they are.

    Parameters
    ----------
    model : keras.Model
        From `trainer.model.build_classifier`. The weights of its frozen batch norms must not change within
        the context.
    """
    inner = [layer for layer in model.layers if isinstance(layer, keras.Model)]
    calls: dict[layers.Layer, Callable] = {}
    for norm, convolution in _norms(backbone_of(model)) if len(inner) == 1 else ():
        if norm.trainable:
            continue
        scale, shift = _scale_and_shift(norm)
        if convolution is None:
            calls[norm] = _scaled(norm, scale, shift)
        else:
            calls[norm] = _unchanged
            calls[convolution] = _convolved(convolution, _times(convolution, scale), shift.astype(np.float32))
    try:
        with _called(calls):
            yield
    finally:
        if calls:
            # What was traced within the context holds the fixed values.
            model.train_function = model.test_function = None


@contextmanager
def folded_norms(model: keras.Model) -> Iterator[None]:
    """Fold all batch norms of a network, also in networks within, while it is traced for inference.

    The kernels and biases are variables, so that no call computes them again. What is traced within the
    context can be called, and saved, as long as they exist: within the context, or while something else holds
    them. The weights of the network stay as they are.

    Parameters
    ----------
    model : keras.Model
    """
    calls: dict[layers.Layer, Callable] = {}
    with model.distribute_strategy.scope():
        for norm, convolution in _norms(model):
            scale, shift = _scale_and_shift(norm)
            if convolution is None:
                calls[norm] = _scaled(norm, scale, shift)
            else:
                calls[norm] = _unchanged
                folded = np.asarray(convolution.kernel) * _for_kernel(convolution, scale)
                kernel, bias = (
                    tf.Variable(each, trainable=False, dtype=tf.float32) for each in (folded, shift)
                )
                calls[convolution] = _convolved(convolution, kernel.read_value, bias)
    try:
        with _called(calls):
            yield
    finally:
        if calls:
            model.predict_function = None


@contextmanager
def _called(calls: Mapping[layers.Layer, Callable]) -> Iterator[None]:
    """Replace what layers do."""
    for layer, call in calls.items():
        layer.call = call
    try:
        yield
    finally:
        for layer in calls:
            del layer.call


def _norms(network: keras.Model) -> Iterator[tuple[layers.BatchNormalization, layers.Layer | None]]:
    """Yield each batch norm, and the convolution that it can be folded into, if there is one."""
    inputs = [each for layer in network.layers for each in keras.tree.flatten(layer.input)]
    uses = Counter(id(each) for each in (*inputs, *network.outputs))
    makers = {
        id(layer.output): layer
        for layer in network.layers
        if isinstance(layer, layers.Conv2D | layers.DepthwiseConv2D)
    }
    for layer in network.layers:
        if isinstance(layer, keras.Model):
            yield from _norms(layer)
        elif isinstance(layer, layers.BatchNormalization):
            before = makers.get(id(layer.input))
            foldable = before is not None and uses[id(before.output)] == 1 and _can_fold(before)
            yield layer, before if foldable else None


def _can_fold(convolution: layers.Conv2D | layers.DepthwiseConv2D) -> bool:
    # In half precision a kernel that was multiplied would be rounded otherwise than in training.
    plain = not convolution.use_bias and convolution.activation is keras.activations.linear
    return plain and convolution.data_format == "channels_last" and convolution.compute_dtype == "float32"


def _scale_and_shift(norm: layers.BatchNormalization) -> tuple[np.ndarray, np.ndarray]:
    gamma, beta, mean, variance = (np.asarray(weight, np.float64) for weight in norm.get_weights())
    scale = gamma / np.sqrt(variance + norm.epsilon)
    return scale, beta - mean * scale


def _for_kernel(convolution: layers.Layer, scale: np.ndarray) -> np.ndarray:
    """Return the scale of each channel (C,) in a shape that multiplies the kernel."""
    # The last axes of a depthwise kernel are the channels and the filters of each.
    depthwise = isinstance(convolution, layers.DepthwiseConv2D)
    return scale.reshape(convolution.kernel.shape[2:]) if depthwise else scale


def _times(convolution: layers.Layer, scale: np.ndarray) -> Callable[[], tf.Tensor]:
    factor = _for_kernel(convolution, scale).astype(np.float32)
    return lambda: convolution.kernel * factor


def _convolved(
    convolution: layers.Layer, kernel: Callable[[], tf.Tensor], bias: np.ndarray | tf.Variable
) -> Callable:
    convolve = ops.depthwise_conv if isinstance(convolution, layers.DepthwiseConv2D) else ops.conv

    def call(inputs):
        outputs = convolve(
            inputs,
            kernel(),
            strides=convolution.strides,
            padding=convolution.padding,
            dilation_rate=convolution.dilation_rate,
            data_format=convolution.data_format,
        )
        return tf.nn.bias_add(outputs, bias)

    return call


def _scaled(norm: layers.BatchNormalization, scale: np.ndarray, shift: np.ndarray) -> Callable:
    factor, offset = scale.astype(np.float32), shift.astype(np.float32)

    def call(inputs, training=None, mask=None):
        return ops.cast(ops.cast(inputs, "float32") * factor + offset, norm.compute_dtype)

    return call


def _unchanged(inputs, training=None, mask=None):
    return inputs
