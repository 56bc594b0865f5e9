"""The ranges of the galaxies that a network learns from, for the exported model."""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from evaluation.formats.training_ranges import TrainingRanges
from preprocessing import features

_BATCH = 256
_MEASURED = (features.BRIGHTNESS, features.HALF_LIGHT_RADIUS)
_WHOLE = (features.HEIGHT, features.WIDTH, features.FOLD)


def training_ranges(files: Sequence[str], without_fold: int | None = None) -> TrainingRanges:
    """Return the ranges of the galaxies in transformed Examples.

    Parameters
    ----------
    files : sequence of str
        Gzipped TFRecords of the splits that the network learned from.
    without_fold : int, optional
        A fold that it did not learn from.

    Returns
    -------
    TrainingRanges
    """
    specification = {name: tf.io.FixedLenFeature([], tf.float32) for name in _MEASURED}
    specification |= {name: tf.io.FixedLenFeature([], tf.int64) for name in _WHOLE}
    records = tf.data.TFRecordDataset(sorted(files), compression_type="GZIP").batch(_BATCH)
    batches = list(records.map(lambda batch: tf.io.parse_example(batch, specification)).as_numpy_iterator())
    columns = {name: np.concatenate([batch[name] for batch in batches]) for name in specification}
    folds = columns[features.FOLD]
    learned = np.ones_like(folds, bool) if without_fold is None else folds != without_fold
    return TrainingRanges.of(*(columns[name][learned] for name in (*_MEASURED, *_WHOLE[:2])))
