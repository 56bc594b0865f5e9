"""Transformed Examples as batches of pictures and labels."""

from collections.abc import Sequence
from dataclasses import dataclass

import tensorflow as tf

from preprocessing import features

SHUFFLE_BUFFER = 4096
"""Number of compressed pictures in the shuffle buffer: about 80 MB at 128 x 128 pixels."""


@dataclass(frozen=True)
class Pictures:
    """Pictures and labels of transformed Examples, streamed from disk.

    Attributes
    ----------
    files : sequence of str
        Gzipped TFRecords.
    size : int
        Side of the pictures [pixels].
    batch_size : int
    without_fold, only_fold : int, optional
        Leave out the galaxies of one fold, or of all other folds.
    replicas : int
        Number of processors among which each batch is divided (`trainer.devices.share`). Each gets at least
        one picture.
    """

    files: Sequence[str]
    size: int
    batch_size: int
    without_fold: int | None = None
    only_fold: int | None = None
    replicas: int = 1

    def in_order(self) -> tf.data.Dataset:
        """Return each picture once: (N, size, size, 3), uint8, and labels (N,), int64.

        If several processors would get fewer than two pictures each, all pictures are repeated equally often,
        which leaves means over them unchanged.
        """
        decoded = self._decoded(self._each_once())
        return decoded.map(lambda pictures, label, soft_label: (pictures, label))

    def count(self) -> int:
        """Read the records and count them."""
        return int(self._records().reduce(0, lambda number, _: number + 1))

    def steps(self, count: int) -> int:
        """Return the number of batches of `stream` in an epoch of `count` galaxies; 0 if too few."""
        return -(-(count // self.replicas) // self._share)

    def stream(self, first_epoch: int, steps: int, *, seed: int, soft: bool = False) -> tf.data.Dataset:
        """Return an endless stream of epochs, each in a different order.

        Parameters
        ----------
        first_epoch : int
            Number of the first epoch, from 0, so that a killed training can be resumed exactly. The records
            of earlier epochs are read but not decoded.
        steps : int
            Batches in an epoch.
        seed : int
        soft : bool
            Whether labels are vote fractions rather than classes.

        Returns
        -------
        tf.data.Dataset
            Batches of pictures (N, size, size, 3), uint8, and labels (N,), float32; none spans two epochs.
        """
        shuffled = self._records().shuffle(SHUFFLE_BUFFER, seed=seed, reshuffle_each_iteration=True)
        # A step averages over processors, so each must have the same number of pictures. The few pictures
        # left over at the end of an epoch are different ones in the next.
        batches = self._batches(shuffled).repeat().skip(first_epoch * steps)

        def choose(pictures, label, soft_label):
            return pictures, soft_label if soft else tf.cast(label, tf.float32)

        return self._decoded(batches).map(choose)

    @property
    def _share(self) -> int:
        """Number of pictures per batch and processor."""
        return max(1, self.batch_size // self.replicas)

    def _batches(self, records: tf.data.Dataset) -> tf.data.Dataset:
        """Return batches that can be divided equally among the processors; the remainder is left out."""
        if self.replicas == 1:
            return records.batch(self.batch_size)
        rows = records.batch(self.replicas, drop_remainder=True)
        return rows.batch(self._share).map(lambda batch: tf.reshape(batch, (-1,)))

    def _each_once(self) -> tf.data.Dataset:
        """Return all records in batches, in order, such that no processor gets an empty share."""
        records = self._records()
        if self.replicas == 1:
            return self._batches(records)
        count = self.count()
        left_over = count % self.replicas
        if not left_over:
            return self._batches(records)
        if count < 2 * self.replicas:
            return self._batches(records.repeat(self.replicas))
        # Keras needs equal shares in the first batch; the remainder goes into the last.
        last = self.replicas + left_over
        return self._batches(records.take(count - last)).concatenate(records.skip(count - last).batch(last))

    def _records(self) -> tf.data.Dataset:
        records = tf.data.TFRecordDataset(sorted(self.files), compression_type="GZIP")
        if self.without_fold is None and self.only_fold is None:
            return records
        specification = {features.FOLD: tf.io.FixedLenFeature([], tf.int64)}

        def wanted(record):
            fold = tf.io.parse_single_example(record, specification)[features.FOLD]
            return fold != self.without_fold if self.only_fold is None else fold == self.only_fold

        return records.filter(wanted)

    def _decoded(self, batches: tf.data.Dataset) -> tf.data.Dataset:
        specification = {
            features.PICTURE: tf.io.FixedLenFeature([], tf.string),
            features.LABEL: tf.io.FixedLenFeature([], tf.int64),
            features.SOFT_LABEL: tf.io.FixedLenFeature([], tf.float32),
        }
        shape = (self.size, self.size, 3)

        def decode(records):
            batch = tf.io.parse_example(records, specification)
            pictures = tf.map_fn(
                lambda png: tf.ensure_shape(tf.io.decode_png(png, channels=3), shape),
                batch[features.PICTURE],
                fn_output_signature=tf.TensorSpec(shape, tf.uint8),
            )
            return pictures, batch[features.LABEL], batch[features.SOFT_LABEL]

        return batches.map(decode, num_parallel_calls=tf.data.AUTOTUNE)
