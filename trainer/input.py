"""Transformed Examples as batches of pictures and labels."""

from collections.abc import Sequence

import tensorflow as tf

from preprocessing import features

SHUFFLE_BUFFER = 4096
"""Compressed pictures held for shuffling: about 80 MB at 128 x 128, however many galaxies there are."""


def picture_batches(
    files: Sequence[str], *, size: int, batch_size: int, shuffle: bool = False, seed: int = 0
) -> tf.data.Dataset:
    """Read pictures and labels.

    Parameters
    ----------
    files : sequence of str
        Gzipped TFRecords of transformed Examples.
    size : int
        Side of the pictures [pixels].
    batch_size : int
    shuffle : bool
        In a new order each epoch, the same in every run with one `seed`.
    seed : int

    Returns
    -------
    tf.data.Dataset
        Of pictures (N, size, size, 3), uint8, and labels (N,), int64. Streams from disk: memory does not
        grow with the number of galaxies beyond `SHUFFLE_BUFFER`.
    """
    specification = {
        features.PICTURE: tf.io.FixedLenFeature([], tf.string),
        features.LABEL: tf.io.FixedLenFeature([], tf.int64),
    }

    def decode(record: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        example = tf.io.parse_single_example(record, specification)
        picture = tf.io.decode_png(example[features.PICTURE], channels=3)
        return tf.ensure_shape(picture, (size, size, 3)), example[features.LABEL]

    records = tf.data.TFRecordDataset(sorted(files), compression_type="GZIP")
    if shuffle:
        records = records.shuffle(SHUFFLE_BUFFER, seed=seed, reshuffle_each_iteration=True)
    return records.map(decode, num_parallel_calls=tf.data.AUTOTUNE).batch(batch_size).prefetch(2)
