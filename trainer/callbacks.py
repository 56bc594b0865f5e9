"""What training keeps an eye on: the best weights, a diverging loss, the learning rate."""

import math

import keras
import numpy as np


class TrainingDiverged(ArithmeticError):
    """The training loss became infinite or not a number."""


class StopOnNaN(keras.callbacks.Callback):
    """Raise `TrainingDiverged` at the first step whose loss is not finite.

    ``keras.callbacks.TerminateOnNaN`` ends training quietly, and the pipeline would go on with a network of
    NaNs.
    """

    def on_epoch_begin(self, epoch, logs=None):
        """Remember the epoch."""
        self._epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        """Look at the loss, which is the mean over the epoch so far: once not finite, it stays so."""
        loss = (logs or {}).get("loss")
        if loss is not None and not math.isfinite(loss):
            raise TrainingDiverged(
                f"the training loss became {float(loss)} at step {batch + 1} of epoch {self._epoch + 1}, at "
                f"learning rate {float(self.model.optimizer.learning_rate):.2g}: lower the learning rate in "
                "[train], or look for pixels that are not finite"
            )


class KeepBest(keras.callbacks.Callback):
    """Remember the weights of the least validation loss over several calls of ``fit``, and stop early.

    Unlike ``keras.callbacks.EarlyStopping`` it does not forget the best epoch of the frozen phase when the
    whole network's training begins.

    Parameters
    ----------
    patience : int
        Epochs without improvement, counted anew in each ``fit``, before training stops; 0 never stops it.

    Attributes
    ----------
    best_epoch : int or None
        Number of the best epoch, from 0.
    best_loss : float
        Its validation loss.
    stopped_epoch : int or None
        The epoch after which the last ``fit`` was stopped early, if it was.
    """

    def __init__(self, patience: int):
        super().__init__()
        self.patience = patience
        self.best_epoch: int | None = None
        self.best_loss = math.inf
        self.stopped_epoch: int | None = None
        self._weights: list[np.ndarray] | None = None
        self._waited = 0

    def on_train_begin(self, logs=None):
        """Count the patience anew."""
        self._waited = 0
        self.stopped_epoch = None

    def on_epoch_end(self, epoch, logs=None):
        """Compare the validation loss with the best so far."""
        loss = (logs or {})["val_loss"]
        if loss < self.best_loss:
            self.best_loss, self.best_epoch, self._waited = float(loss), epoch, 0
            self._weights = self.model.get_weights()
            return
        self._waited += 1
        if self.patience and self._waited >= self.patience:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def restore(self, model: keras.Model) -> None:
        """Put the best weights back."""
        if self._weights is None:
            raise TrainingDiverged("no epoch had a finite validation loss")
        model.set_weights(self._weights)


class LogLearningRate(keras.callbacks.Callback):
    """Add the learning rate at the end of each epoch to what the callbacks after it see."""

    def on_epoch_end(self, epoch, logs=None):
        """Add ``learning_rate`` to the logs."""
        if logs is not None:
            logs["learning_rate"] = float(self.model.optimizer.learning_rate)
