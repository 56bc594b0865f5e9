"""Pictures per second that fine-tuning a network consumes, and the cost of saving its state."""

import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import keras
import numpy as np
import tensorflow as tf

from trainer.callbacks import KeepBest
from trainer.checkpoint import Checkpoint
from trainer.fit import fit
from trainer.model import build_classifier, set_trainable
from trainer.settings import ModelSettings, TrainSettings
from trainer.training_set import TrainingSet


@dataclass(frozen=True)
class NetworkFigures:
    """Cost of training a network.

    Attributes
    ----------
    backbone : str
    batch_size : int
    per_second : float
        Pictures per second, from the median step after the first two.
    start_seconds : float
        Time to build the network and to do the first step.
    checkpoint_seconds, checkpoint_bytes : float, int
        Time and size of one saved state: weights, optimizer, best weights.
    restore_seconds : float
    """

    backbone: str
    batch_size: int
    per_second: float
    start_seconds: float
    checkpoint_seconds: float
    checkpoint_bytes: int
    restore_seconds: float


class StepClock(keras.callbacks.Callback):
    """Measure the duration of each step and each epoch.

    Attributes
    ----------
    steps : list of float
        Seconds of each step, those of all epochs in one list.
    epochs : list of float
        Seconds of each epoch.
    """

    def __init__(self) -> None:
        super().__init__()
        self.steps: list[float] = []
        self.epochs: list[float] = []
        self._last = self._epoch = 0.0

    def on_epoch_begin(self, epoch, logs=None):
        """Start the clock."""
        self._last = self._epoch = time.perf_counter()

    def on_train_batch_end(self, batch, logs=None):
        """Note a step."""
        now = time.perf_counter()
        self.steps.append(now - self._last)
        self._last = now

    def on_epoch_end(self, epoch, logs=None):
        """Note an epoch."""
        self.epochs.append(time.perf_counter() - self._epoch)


def measure_network(backbone: str, size: int, batch_size: int, steps: int, folder: Path) -> NetworkFigures:
    """Train a whole network for a few steps on one batch in memory, with random weights.

    Batch norms stay in inference mode, as with ImageNet weights. This makes the step faster, so that the
    network needs more pictures per second from the input pipeline.

    Parameters
    ----------
    backbone : str
    size : int
        Side of the pictures [pixels].
    batch_size : int
    steps : int
        Number of steps to measure.
    folder : Path
        Folder of the saved state.
    """
    keras.backend.clear_session()
    noise = np.random.default_rng(0)
    pictures = noise.integers(0, 256, (batch_size, size, size, 3), np.uint8)
    labels = (np.arange(batch_size) % 2).astype(np.float32)
    batch = tf.data.Dataset.from_tensors((pictures, labels)).repeat()
    started = time.perf_counter()
    model = build_classifier(ModelSettings(backbone=backbone, weights="none"), image_size=size, seed=0)
    set_trainable(model, start="stem", pretrained=True)
    building = time.perf_counter() - started
    clock = StepClock()
    train = TrainingSet(lambda first_epoch: batch, steps + 2, (1, 1))
    fit(model, train, None, epochs=1, learning_rate=1e-5, settings=TrainSettings(), callbacks=[clock])
    best = KeepBest(0)
    best.resume(0, 1.0, 0, model.get_weights())
    state = Checkpoint(folder, best)
    state.set_model(model)
    writing = [_seconds(lambda epoch=epoch: state.on_epoch_end(epoch, {"loss": 1.0})) for epoch in range(3)]
    size_on_disk = sum(path.stat().st_size for path in folder.iterdir())
    reading = _seconds(lambda: Checkpoint(folder, KeepBest(0)).restore(model))
    state.remove()
    return NetworkFigures(
        backbone=backbone,
        batch_size=batch_size,
        per_second=batch_size / median(clock.steps[2:]),
        start_seconds=building + clock.steps[0],
        checkpoint_seconds=median(writing),
        checkpoint_bytes=size_on_disk,
        restore_seconds=reading,
    )


def _seconds(do) -> float:
    started = time.perf_counter()
    do()
    return time.perf_counter() - started
