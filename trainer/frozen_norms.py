"""Batch norms in inference mode as one multiplication and one addition."""

from collections.abc import Iterator
from contextlib import contextmanager

import keras
import numpy as np
from keras import layers, ops

from trainer.model import backbone_of


@contextmanager
def frozen_norms(model: keras.Model) -> Iterator[None]:
    """Take the batch norms of a classifier that are not trained as fixed, while it is traced and trained.

    Keras reads four variables and computes scale and offset from them in every step, which for a network of
    hundreds of batch norms takes long to trace, and many small operations on a GPU. A model without backbone,
    and batch norms that learn, stay as they are.

    Parameters
    ----------
    model : keras.Model
        From `trainer.model.build_classifier`. The weights of its frozen batch norms must not change within
        the context.
    """
    inner = [layer for layer in model.layers if isinstance(layer, keras.Model)]
    every = backbone_of(model).layers if len(inner) == 1 else []
    frozen = [
        layer for layer in every if isinstance(layer, layers.BatchNormalization) and not layer.trainable
    ]
    for layer in frozen:
        layer.call = _fixed(layer)
    try:
        yield
    finally:
        for layer in frozen:
            del layer.call
        if frozen:
            # What was traced within the context holds the fixed values.
            model.train_function = model.test_function = None


def _fixed(norm: layers.BatchNormalization):
    gamma, beta, mean, variance = (np.asarray(weight, np.float64) for weight in norm.get_weights())
    scale = gamma / np.sqrt(variance + norm.epsilon)
    shift = (beta - mean * scale).astype(np.float32)
    scale = scale.astype(np.float32)

    def call(inputs, training=None, mask=None):
        outputs = ops.cast(inputs, "float32") * scale + shift
        return ops.cast(outputs, norm.compute_dtype)

    return call
