"""Train the classifier head on features of the frozen backbone."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from trainer.backbone_features import FeatureStore
from trainer.fit import fit
from trainer.model import FEATURES, OUTPUT, top
from trainer.settings import ModelSettings, TrainSettings
from trainer.training_set import Stream, TrainingSet


@dataclass(frozen=True)
class Head:
    """The trained classifier head: logistic regression on the backbone's features.

    Attributes
    ----------
    kernel : ndarray, float32, shape (F,)
    bias : float
    """

    kernel: np.ndarray
    bias: float

    def save(self, path: Path) -> None:
        """Write an ``.npz`` file."""
        np.savez(path, kernel=self.kernel, bias=self.bias)

    @classmethod
    def load(cls, path: Path) -> "Head":
        """Read a file that `save` has written."""
        with np.load(path) as arrays:
            return cls(arrays["kernel"], float(arrays["bias"]))

    @classmethod
    def of(cls, model: keras.Model) -> "Head":
        """Return the head of a classifier."""
        kernel, bias = model.get_layer(OUTPUT).get_weights()
        return cls(kernel[:, 0], float(bias[0]))

    def put_on(self, model: keras.Model) -> None:
        """Assign this head to a classifier."""
        model.get_layer(OUTPUT).set_weights([self.kernel[:, None], np.array([self.bias], np.float32)])

    def probabilities(self, values: np.ndarray) -> np.ndarray:
        """Return the probability of elliptical, averaged over views.

        Parameters
        ----------
        values : ndarray, shape (N, views, F)

        Returns
        -------
        ndarray, float64, shape (N,)
        """
        logits = values.astype(np.float32) @ self.kernel + self.bias
        return np.mean(1.0 / (1.0 + np.exp(-logits.astype(np.float64))), axis=1)


def with_heads(model: keras.Model, heads: Sequence[Head]) -> keras.Model:
    """Return a classifier with several heads on one backbone; its output has shape (N, heads)."""
    features = model.get_layer(FEATURES).output
    each = keras.layers.Dense(len(heads), activation="sigmoid", dtype="float32", name="folds")
    classifier = keras.Model(model.input, each(features), name=model.name)
    each.set_weights([np.stack([head.kernel for head in heads], axis=1), np.array([h.bias for h in heads])])
    return classifier


def fit_head(
    features: FeatureStore,
    train: np.ndarray,
    validation: np.ndarray | None,
    *,
    model: ModelSettings,
    settings: TrainSettings,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> tuple[Head, dict[str, list[float]]]:
    """Train a classifier head.

    Parameters
    ----------
    features : FeatureStore
    train : ndarray of int
        Indices of the training galaxies. In each epoch, each galaxy is seen in one of its first
        `settings.views` views.
    validation : ndarray of int or None
        Indices of the validation galaxies, which determine the best epoch; with None the last epoch is used.
    model, settings : ModelSettings, TrainSettings
    callbacks : sequence of Callback

    Returns
    -------
    Head
    dict
        Figures of each epoch; see `trainer.fit.fit`.

    Raises
    ------
    TrainingDataError
        If a class is missing, or votes are missing but are the training target.
    TrainingDiverged
        If the loss or a weight becomes infinite or NaN.
    """
    learning = features.galaxies.take(train)
    learning.require_both_classes("the training set of the classifier head")
    if settings.labels == "votes":
        learning.require_votes("the training set of the classifier head")
    width = features.values.shape[2]
    keras.utils.set_random_seed(settings.seed)
    inputs = keras.Input((width,), name="features")
    network = keras.Model(inputs, top(inputs, model.dropout), name="top")
    held_out = None
    if validation is not None:
        rows = features.values[validation, 0].astype(np.float32)
        labels = features.galaxies.labels[validation]
        held_out = tf.data.Dataset.from_tensor_slices((rows, labels)).batch(1024)
    steps = -(-len(train) // settings.batch_size)
    history = fit(
        network,
        TrainingSet(_stream(features, train, settings), steps, learning.class_counts),
        held_out,
        epochs=settings.epochs,
        learning_rate=settings.learning_rate,
        settings=settings,
        steps_per_execution=steps,  # calling the callbacks takes longer than a step
        callbacks=callbacks,
    )
    return Head.of(network), history


def _stream(features: FeatureStore, train: np.ndarray, settings: TrainSettings) -> Stream:
    """Return the stream of galaxies, in each epoch in random order and with a random view of each."""
    galaxies, values = features.galaxies, features.values
    targets = galaxies.soft_labels if settings.labels == "votes" else galaxies.labels
    views, width, size = min(settings.views, values.shape[1]), values.shape[2], settings.batch_size

    def batches(first_epoch: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for epoch in itertools.count(first_epoch):
            random = np.random.default_rng((settings.seed, epoch))
            order = random.permutation(train)
            seen = random.integers(0, views, len(order))
            for start in range(0, len(order), size):
                rows = order[start : start + size]
                pair = values[rows, seen[start : start + size]], targets[rows]
                yield pair[0].astype(np.float32), pair[1].astype(np.float32)

    signature = (tf.TensorSpec((None, width), tf.float32), tf.TensorSpec((None,), tf.float32))
    return lambda first_epoch: tf.data.Dataset.from_generator(
        lambda: batches(first_epoch), output_signature=signature
    )
