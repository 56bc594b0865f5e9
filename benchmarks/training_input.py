"""Pictures per second of the trainer's input pipeline, and the core time of each of its steps."""

import itertools
import time
from collections.abc import Sequence
from dataclasses import dataclass

import tensorflow as tf

from preprocessing import features
from trainer.input import Pictures
from trainer.settings import AUGMENTATIONS, Augmentation, TrainSettings
from trainer.training_set import TrainingSet, training_batches

_STAGE_BATCH = 32
_SKIPPED_EPOCHS = 5


@dataclass(frozen=True)
class Rate:
    """Time to draw pictures from a stream.

    Attributes
    ----------
    pictures : int
    seconds : float
        Elapsed time.
    cpu_seconds : float
        Core time of all threads of this process.
    """

    pictures: int
    seconds: float
    cpu_seconds: float

    @property
    def per_second(self) -> float:
        """Pictures per second of elapsed time."""
        return self.pictures / self.seconds


@dataclass(frozen=True)
class Stage:
    """One step of the input pipeline.

    Attributes
    ----------
    name : str
    cpu_ms : float
        Core time per picture [ms].
    """

    name: str
    cpu_ms: float


def count_records(files: Sequence[str]) -> int:
    """Return the number of Examples in gzipped TFRecords."""
    return sum(1 for _ in tf.data.TFRecordDataset(list(files), compression_type="GZIP"))


def measure_pipeline(
    files: Sequence[str], size: int, batch_size: int, pictures: int, augment: Sequence[Augmentation]
) -> Rate:
    """Draw pictures as the network gets them, epoch after epoch.

    Parameters
    ----------
    files : sequence of str
        Transformed Examples.
    size : int
        Side of the pictures [pixels].
    batch_size : int
    pictures : int
        Smallest number to draw. Whole epochs are drawn, so that the start of each is included.
    augment : sequence of str
    """
    source = Pictures(files, size, batch_size)
    count = count_records(files)
    steps = -(-count // batch_size)
    train = TrainingSet(
        lambda first_epoch: source.stream(first_epoch, steps, seed=0), steps, (1, 1), tuple(augment)
    )
    batches = training_batches(train, 0, settings=TrainSettings(), seed=0)
    epochs = max(1, round(pictures / count))
    return _draw(batches, epochs * steps, epochs * count)


def measure_stages(files: Sequence[str], size: int, pictures: int) -> list[Stage]:
    """Return the core time of each step: the difference between pipelines with and without the step.

    Core time is used because steps overlap: in elapsed time, only the slowest step would count.
    """
    repeats = max(1, round(pictures / count_records(files)))
    parsed = tf.data.TFRecordDataset(list(files), compression_type="GZIP").batch(_STAGE_BATCH).map(_parse)
    decoded = Pictures(files, size, _STAGE_BATCH).in_order()
    totals = {
        "read, decompress, parse": _draw_all(parsed, repeats),
        "decode PNG": _draw_all(decoded, repeats),
        "shuffle, labels, weights": measure_pipeline(files, size, _STAGE_BATCH, pictures, ()),
        "flips (eight symmetries)": measure_pipeline(files, size, _STAGE_BATCH, pictures, ("flips",)),
        "affine (rotate, zoom, shift)": measure_pipeline(files, size, _STAGE_BATCH, pictures, AUGMENTATIONS),
    }
    cumulative = [1000 * rate.cpu_seconds / rate.pictures for rate in totals.values()]
    differences = (after - before for before, after in itertools.pairwise([0.0, *cumulative]))
    return [Stage(name, max(0.0, cost)) for name, cost in zip(totals, differences, strict=True)]


def seconds_to_pass_over(files: Sequence[str], size: int, batch_size: int) -> float:
    """Return the time that a resumed training takes to skip each finished epoch."""
    source = Pictures(files, size, batch_size)
    steps = -(-count_records(files) // batch_size)

    def first_batch(epoch: int) -> float:
        started = time.perf_counter()
        next(iter(source.stream(epoch, steps, seed=0)))
        return time.perf_counter() - started

    first_batch(0)
    return max(0.0, first_batch(_SKIPPED_EPOCHS) - first_batch(0)) / _SKIPPED_EPOCHS


def _parse(records: tf.Tensor) -> dict[str, tf.Tensor]:
    return tf.io.parse_example(records, {features.PICTURE: tf.io.FixedLenFeature([], tf.string)})


def _draw_all(dataset: tf.data.Dataset, repeats: int) -> Rate:
    steps, pictures = 0, 0
    for batch in dataset:
        steps += 1
        pictures += int(tf.shape(tf.nest.flatten(batch)[0])[0])
    return _draw(dataset.repeat(), repeats * steps, repeats * pictures)


def _draw(batches: tf.data.Dataset, steps: int, pictures: int) -> Rate:
    for _ in batches.take(1):  # excludes reading files into the cache and TensorFlow's set-up
        pass
    started, cpu = time.perf_counter(), time.process_time()
    drawn = sum(1 for _ in itertools.islice(batches, steps))
    assert drawn == steps
    return Rate(pictures, time.perf_counter() - started, time.process_time() - cpu)
