"""The data of a training: batches of a stream, augmented, with smoothed labels and class weights."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import tensorflow as tf

from trainer.augment import augmenter, mix
from trainer.settings import Augmentation, TrainSettings

Stream = Callable[[int], tf.data.Dataset]
"""Function of an epoch number that returns the batches of this and all later epochs: inputs (N, ...) and
labels (N,), 0 to 1. The batches of an epoch must be the same whichever epoch comes first, so that a training
can be resumed."""


@dataclass(frozen=True)
class TrainingSet:
    """The training data of a network.

    Attributes
    ----------
    stream : callable
        See `Stream`.
    steps : int
        Batches in an epoch.
    class_counts : tuple of int
        Spirals and ellipticals in an epoch.
    augment : collection of str
        See `trainer.augment.augmenter`.
    mixup : float
        See `trainer.augment.mix`.
    """

    stream: Stream
    steps: int
    class_counts: tuple[int, int]
    augment: Sequence[Augmentation] = ()
    mixup: float = 0.0


def balanced_weights(counts: Sequence[int]) -> tuple[float, float]:
    """Return weights of spirals and ellipticals with which both classes count equally; their mean is 1.

    Parameters
    ----------
    counts : sequence of int
        Numbers of spirals and ellipticals.

    Raises
    ------
    ValueError
        If a class has no example.
    """
    spirals, ellipticals = counts
    if not spirals or not ellipticals:
        raise ValueError(
            f"training needs both classes, but there are {spirals} spirals, {ellipticals} ellipticals"
        )
    total = spirals + ellipticals
    return total / (2 * spirals), total / (2 * ellipticals)


Preparation = Callable[[tf.Tensor, tuple[tf.Tensor, tf.Tensor]], tuple[tf.Tensor, tf.Tensor, tf.Tensor]]


def preparation(
    train: TrainingSet, settings: TrainSettings, *, seed: int, on_gpu: bool = False
) -> Preparation:
    """Return the function that makes of a batch of the stream what the network learns from.

    Parameters
    ----------
    train : TrainingSet
    settings : TrainSettings
        `label_smoothing` and `class_weights` are used.
    seed : int
        Seed of the augmentation, which is different in every epoch.
    on_gpu : bool
        Whether the function will run on a GPU.

    Returns
    -------
    callable
        Function of the number of the step, from 0 (int64, scalar), and the batch of inputs (N, ...) and
        labels (N,). It augments the inputs, smooths the labels, and returns inputs, labels (N, 1) and
        weights (N,).
    """
    # XLA would need the compiler of CUDA, and a GPU gains little by it.
    vary = augmenter(train.augment, compiled=not on_gpu) if train.augment else None
    weights = balanced_weights(train.class_counts) if settings.class_weights else (1.0, 1.0)
    smoothing = settings.label_smoothing

    def prepare(step, batch):
        inputs, labels = batch
        number = tf.stack((tf.constant(seed, tf.int64), step))
        if vary is not None:
            inputs = vary(inputs, number)
        labels = tf.reshape(tf.cast(labels, tf.float32), (-1,))
        if train.mixup:
            inputs, labels = mix(inputs, labels, train.mixup, number)
        labels = labels[:, None]
        # A soft label gets the weights of both classes in proportion.
        weight = labels[:, 0] * weights[1] + (1.0 - labels[:, 0]) * weights[0]
        return inputs, labels * (1.0 - smoothing) + 0.5 * smoothing, weight

    return prepare


def numbered_batches(train: TrainingSet, first_epoch: int) -> tf.data.Dataset:
    """Return endless batches of the stream, each with the number of its step, from 0 in epoch 0."""
    # One stream for all epochs, because with steps_per_epoch Keras draws all epochs from one iterator.
    return train.stream(first_epoch).enumerate(start=first_epoch * train.steps)


def training_batches(
    train: TrainingSet, first_epoch: int, *, settings: TrainSettings, seed: int
) -> tf.data.Dataset:
    """Return the batches that the network learns from, prepared by the CPU.

    Parameters
    ----------
    train : TrainingSet
    first_epoch : int
        Number of the first epoch, from 0.
    settings, seed
        See `preparation`.

    Returns
    -------
    Dataset
        Endless batches of inputs, labels (N, 1) and weights (N,), epoch after epoch.
    """
    prepare = preparation(train, settings, seed=seed)
    # Two threads are enough to stay one batch ahead of the network; more would compete with it for cores.
    return numbered_batches(train, first_epoch).map(prepare, num_parallel_calls=2).prefetch(2)
