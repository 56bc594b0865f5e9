"""Batch norms in inference mode as part of the convolutions before them.

A batch norm that does not learn multiplies each channel by a number and adds another. The first can be
multiplied into the kernel of the convolution before it, and the second is its bias (Jacob et al. 2018,
arXiv:1712.05877, section 3.2). That leaves out two passes over the feature maps, and TensorFlow joins
convolution, bias and ReLU6 to one operation.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from trainer.model import backbone_of

_Norm = tuple[layers.BatchNormalization, layers.Layer | None]
"""A batch norm, and the convolution that it can be folded into, if there is one."""

_Weights = Callable[..., tuple[Callable[[], tf.Tensor], np.ndarray | tf.Variable]]
"""From a kernel, the factor of its channels and their shift: what gives the new kernel, and the bias."""


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
    norms = _norms(backbone_of(model)) if len(inner) == 1 else ()
    calls = _calls(((norm, before) for norm, before in norms if not norm.trainable), _learning)
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
    with model.distribute_strategy.scope():
        calls = _calls(_norms(model), _constant)
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


def _calls(norms: Iterable[_Norm], weights: _Weights) -> dict[layers.Layer, Callable]:
    """Return what batch norms, and the convolutions before them, are to do."""
    calls: dict[layers.Layer, Callable] = {}
    for norm, convolution in norms:
        gamma, beta, mean, variance = (np.asarray(weight, np.float64) for weight in norm.get_weights())
        scale = gamma / np.sqrt(variance + norm.epsilon)
        shift = beta - mean * scale
        if convolution is None:
            calls[norm] = _scaled(norm, scale, shift)
        else:
            # The last axes of a depthwise kernel are the channels and the filters of each.
            depthwise = isinstance(convolution, layers.DepthwiseConv2D)
            factor = scale.reshape(convolution.kernel.shape[2:]) if depthwise else scale
            calls[norm] = _unchanged
            calls[convolution] = _convolved(convolution, *weights(convolution.kernel, factor, shift))
    return calls


def _learning(
    kernel: keras.Variable, factor: np.ndarray, shift: np.ndarray
) -> tuple[Callable[[], tf.Tensor], np.ndarray]:
    single = factor.astype(np.float32)
    return lambda: kernel * single, shift.astype(np.float32)


def _constant(
    kernel: keras.Variable, factor: np.ndarray, shift: np.ndarray
) -> tuple[Callable[[], tf.Tensor], tf.Variable]:
    values = (np.asarray(kernel) * factor, shift)
    folded, bias = (tf.Variable(each, trainable=False, dtype=tf.float32) for each in values)
    return folded.read_value, bias


def _norms(network: keras.Model) -> Iterator[_Norm]:
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
