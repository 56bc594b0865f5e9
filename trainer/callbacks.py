"""Keras callbacks: keep the best weights, stop a diverging training, log the learning rate."""

import math

import keras
import numpy as np
from keras import ops


class TrainingDiverged(ArithmeticError):
    """The training loss, or a weight, became infinite or not a number."""


def has_finite_weights(model: keras.Model) -> bool:
    """Return whether all weights are finite, statistics of batch norms included."""
    return bool(ops.all(ops.stack([ops.all(ops.isfinite(weight)) for weight in model.weights])))


class StopOnNaN(keras.callbacks.Callback):
    """Raise `TrainingDiverged` at the first step whose loss is not finite, or leaves weights that are not.

    ``keras.callbacks.TerminateOnNaN`` ends training without an error, and the pipeline would continue with a
    network of NaNs.

    Must come before `KeepBest` and `trainer.checkpoint.Checkpoint` among the callbacks.
    """

    def on_epoch_begin(self, epoch, logs=None):
        """Store the epoch and its initial learning rate."""
        self._epoch, self._step = epoch, 0
        self._rate = float(self.model.optimizer.learning_rate)

    def on_train_batch_end(self, batch, logs=None):
        """Check the loss. It is the mean over the epoch so far, so it stays non-finite."""
        self._step = batch + 1
        loss = (logs or {}).get("loss")
        if loss is not None and not math.isfinite(loss):
            raise self._diverged(f"the training loss became {float(loss)}")

    def on_epoch_end(self, epoch, logs=None):
        """Check the weights, because no loss is computed after the last update of an epoch."""
        if not has_finite_weights(self.model):
            raise self._diverged("weights became infinite or not a number")

    def _diverged(self, what: str) -> TrainingDiverged:
        # The optimizer returns the rate of the next step, which is zero after the very last step.
        rate = max(self._rate, float(self.model.optimizer.learning_rate))
        return TrainingDiverged(
            f"{what} at step {self._step} of epoch {self._epoch + 1}, at learning rate {rate:.2g}: lower the"
            " learning rate in [train], or check the stamps for pixels that are not finite"
        )


class KeepBest(keras.callbacks.Callback):
    """Keep the weights with the smallest validation loss, and stop early.

    Unlike with ``keras.callbacks.EarlyStopping``, the state can be saved and restored.

    Parameters
    ----------
    patience : int
        Epochs without improvement before training stops; 0 never stops it.

    Attributes
    ----------
    best_epoch : int or None
        Number of the best epoch, from 0.
    best_loss : float
        Its validation loss.
    weights : list of ndarray or None
        Its weights.
    waited : int
        Epochs since the best one; without a best epoch, all epochs so far.
    """

    def __init__(self, patience: int):
        super().__init__()
        self.patience = patience
        self.best_epoch: int | None = None
        self.best_loss = math.inf
        self.weights: list[np.ndarray] | None = None
        self.waited = 0

    def resume(self, epoch: int, loss: float, waited: int, weights: list[np.ndarray]) -> None:
        """Restore the state of a training that was killed."""
        self.best_epoch, self.best_loss, self.waited, self.weights = epoch, loss, waited, weights

    def on_epoch_end(self, epoch, logs=None):
        """Compare the validation loss with the best so far."""
        loss = (logs or {})["val_loss"]
        if loss < self.best_loss:
            self.best_loss, self.best_epoch, self.waited = float(loss), epoch, 0
            self.weights = self.model.get_weights()
            return
        self.waited += 1
        if self.patience and self.waited >= self.patience:
            self.model.stop_training = True

    def restore(self, model: keras.Model) -> None:
        """Restore the best weights."""
        if self.weights is None:
            raise TrainingDiverged(
                f"no epoch, from 1 to {self.waited}, had a finite validation loss: lower the learning rate in"
                " [train], or check the stamps for pixels that are not finite"
            )
        model.set_weights(self.weights)


class LogLearningRate(keras.callbacks.Callback):
    """Add the learning rate to the logs at the end of each epoch, for the callbacks after this one."""

    def on_epoch_end(self, epoch, logs=None):
        """Add ``learning_rate`` to the logs."""
        if logs is not None:
            logs["learning_rate"] = float(self.model.optimizer.learning_rate)
