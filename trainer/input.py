"""Transformed Examples as batches of pictures and labels.

A set of pictures that takes no more than `IN_MEMORY` is decoded once. A larger one is decoded anew in every
epoch, and memory holds a shuffle buffer of compressed pictures.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import tensorflow as tf

from preprocessing import features

SHUFFLE_BUFFER = 4096
"""Number of compressed pictures in the shuffle buffer: about 80 MB at 128 x 128 pixels."""

IN_MEMORY = 2**29
"""Largest set of decoded pictures that is kept in memory [bytes]: 10,922 of 128 x 128 pixels. Reading takes
twice as much."""

_READ = 64  # pictures that are decoded at once by one core


@dataclass(frozen=True)
class Pictures:
    """Pictures and labels of transformed Examples.

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

    def in_order(self, *, often: bool = False) -> tf.data.Dataset:
        """Return each picture once: (N, size, size, 3), uint8, and labels (N,), int64.

        If several processors would get fewer than two pictures each, all pictures are repeated equally often,
        which leaves means over them unchanged.

        Parameters
        ----------
        often : bool
            Whether the dataset is read several times: a set that fits in memory is then decoded only once.
        """
        decoded = self._decoded(self._each_once())
        chosen = decoded.map(lambda pictures, label, soft_label: (pictures, label))
        return chosen.cache() if often and self._fits(self.count()) else chosen

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
            Number of the first epoch, from 0, so that a killed training can be resumed exactly. The pictures
            of earlier epochs are not decoded.
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
        count = self.count()
        if self._fits(count):
            return self._stream_from_memory(count, first_epoch * steps, seed=seed, soft=soft)
        shuffled = self._records().shuffle(SHUFFLE_BUFFER, seed=seed, reshuffle_each_iteration=True)
        # A step averages over processors, so each must have the same number of pictures. The few pictures
        # left over at the end of an epoch are different ones in the next.
        batches = self._batches(shuffled).repeat().skip(first_epoch * steps)
        return self._decoded(batches).map(lambda pictures, *labels: (pictures, _target(*labels, soft=soft)))

    def _stream_from_memory(self, count: int, skipped: int, *, seed: int, soft: bool) -> tf.data.Dataset:
        """Return what `stream` returns, from pictures that are decoded here and now."""
        every = self._decoded(self._records().batch(_READ)).rebatch(count)
        pictures, *labels = every.get_single_element()
        targets = _target(*labels, soft=soft)
        # For sets up to the size of the buffer this is the order in which records are shuffled.
        rows = tf.data.Dataset.range(count).shuffle(count, seed=seed, reshuffle_each_iteration=True)
        batches = self._batches(rows).repeat().skip(skipped)
        return batches.map(lambda chosen: (tf.gather(pictures, chosen), tf.gather(targets, chosen)))

    def _fits(self, count: int) -> bool:
        """Return whether so many decoded pictures may be kept in memory."""
        return 0 < count * self.size**2 * 3 <= IN_MEMORY

    @property
    def _share(self) -> int:
        """Number of pictures per batch and processor."""
        return max(1, self.batch_size // self.replicas)

    def _batches(self, records: tf.data.Dataset) -> tf.data.Dataset:
        """Return batches that can be divided equally among the processors; the remainder is left out.

        `records` are records, or numbers that stand for them.
        """
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


def _target(label: tf.Tensor, soft_label: tf.Tensor, *, soft: bool) -> tf.Tensor:
    """Return what a training learns: vote fractions or classes, as float32."""
    return soft_label if soft else tf.cast(label, tf.float32)
