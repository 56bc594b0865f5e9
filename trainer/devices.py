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


def share(batches: tf.data.Dataset, spread: tf.distribute.Strategy) -> tf.data.Dataset:
    """Divide each batch among processors, as evenly as can be.

    TensorFlow's own division leaves processors without a picture in the last batch of a dataset, and a
    network that is asked about nothing fails, or makes means of nothing.

    Parameters
    ----------
    batches : Dataset
        Of tensors or tuples of them, each with at least one row for each processor. Keras wants as many rows
        for each in the first batch.
    spread : tf.distribute.Strategy

    Returns
    -------
    Dataset
        What Keras takes in its place; the same where there is one processor.
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

    # The parts come one after the other, and go to the processors in turn.
    return spread.distribute_datasets_from_function(lambda context: batches.flat_map(divided))
