"""Distribute training over GPUs."""

from dataclasses import replace

import keras
import numpy as np
import tensorflow as tf

from trainer.frozen_norms import folded_norms
from trainer.input import Pictures


def strategy() -> tf.distribute.Strategy:
    """Return the distribution strategy for this machine's GPUs.

    Returns
    -------
    tf.distribute.Strategy
        `MirroredStrategy` over all GPUs if there are several, which divides each batch among them; otherwise
        the default strategy. ``CUDA_VISIBLE_DEVICES`` selects the GPUs.
    """
    gpus = tf.config.list_logical_devices("GPU")
    if len(gpus) < 2:
        return tf.distribute.get_strategy()
    return tf.distribute.MirroredStrategy([gpu.name for gpu in gpus])


def runs_on_gpu(spread: tf.distribute.Strategy) -> bool:
    """Return whether a strategy runs everything on a single GPU."""
    return spread.num_replicas_in_sync == 1 and bool(tf.config.list_logical_devices("GPU"))


def share(batches: tf.data.Dataset, spread: tf.distribute.Strategy) -> tf.data.Dataset:
    """Divide each batch among processors, as evenly as possible.

    TensorFlow's own division can leave processors without a picture in the last batch of a dataset. A network
    fails on an empty batch, or computes means over nothing.

    Parameters
    ----------
    batches : Dataset
        Batches of tensors, or of tuples of tensors, with at least one row for each processor. Keras needs the
        same number of rows for each processor in the first batch.
    spread : tf.distribute.Strategy

    Returns
    -------
    Dataset
        Distributed dataset for Keras; `batches` itself if there is one processor.
    """
    replicas = spread.num_replicas_in_sync
    if replicas == 1:
        return batches

    def divided(*batch):
        rows = tf.shape(batch[0], tf.int64)[0]

        def part(number):
            first, end = rows * number // replicas, rows * (number + 1) // replicas
            parts = tuple(tensor[first:end] for tensor in batch)
            return parts if len(parts) > 1 else parts[0]

        return tf.data.Dataset.range(replicas).map(part)

    # Successive parts go to the processors in turn.
    return spread.distribute_datasets_from_function(lambda context: batches.flat_map(divided))


def predict(network: keras.Model, pictures: Pictures) -> np.ndarray:
    """Return the output of a network for each picture, computed by its processors.

    Parameters
    ----------
    network : keras.Model
    pictures : Pictures
        At least one.

    Returns
    -------
    ndarray, shape (N, ...)
        In the order of `Pictures.in_order`.
    """
    spread = network.distribute_strategy
    pictures = replace(pictures, replicas=spread.num_replicas_in_sync)
    if not network.compiled:
        # Otherwise Keras compiles with XLA where there is a GPU, which takes longer than the predictions.
        network.jit_compile = False
    unseen = pictures.in_order().map(lambda picture, _: picture)
    with folded_norms(network):
        each = network.predict(share(unseen, spread), verbose=0)
    # With several processors, a small number of pictures is repeated.
    return each if pictures.replicas == 1 else each[: pictures.count()]
