"""Keras callbacks that send the progress of a training to the command line."""

import time
from typing import Any

import keras

from preprocessing.progress import send_progress


class EpochProgress(keras.callbacks.Callback):
    """Report the figures of each epoch, and the finished share of the current one.

    Parameters
    ----------
    epochs : int
        Total number of epochs.
    interval : float
        Least time between two reports within an epoch [s].
    """

    def __init__(self, epochs: int, interval: float = 0.5) -> None:
        super().__init__()
        self._epochs = epochs
        self._interval = interval
        self._epoch = 0
        self._last = 0.0

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Store the number of the epoch."""
        self._epoch = epoch + 1

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Report the share of the epoch that is done."""
        now = time.monotonic()
        if now - self._last < self._interval:
            return
        self._last = now
        share = (batch + 1) / (self.params.get("steps") or 1)
        self._report("training", share=share)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Report the figures of the epoch."""
        figures = {name: float(value) for name, value in (logs or {}).items()}
        self._report("epoch", **figures)

    def _report(self, phase: str, **figures: float) -> None:
        send_progress(phase, epoch=self._epoch, epochs=self._epochs, **figures)


class HeadProgress(keras.callbacks.Callback):
    """Report the epochs of the head's training; there are many, each a fraction of a second long.

    Parameters
    ----------
    epochs : int
    """

    def __init__(self, epochs: int) -> None:
        super().__init__()
        self._epochs = epochs

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Report one epoch."""
        send_progress("training the classifier head: epoch", done=1, total=self._epochs)
