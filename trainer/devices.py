"""The processors that train."""

import tensorflow as tf


def strategy() -> tf.distribute.Strategy:
    """Return how training is spread over this machine's GPUs.

    Returns
    -------
    tf.distribute.Strategy
        `MirroredStrategy` over all GPUs where there are several: each step's batch is divided among them. One
        GPU or none needs no strategy. Which GPUs count is up to ``CUDA_VISIBLE_DEVICES``.
    """
    gpus = tf.config.list_logical_devices("GPU")
    if len(gpus) < 2:
        return tf.distribute.get_strategy()
    return tf.distribute.MirroredStrategy([gpu.name for gpu in gpus])
