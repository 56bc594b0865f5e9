"""Train a network, with learning rate schedule, early stopping, divergence checks and checkpoints."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import keras
import tensorflow as tf

from trainer.callbacks import KeepBest, LogLearningRate, StopOnNaN, TrainingDiverged
from trainer.checkpoint import Checkpoint
from trainer.devices import runs_on_gpu, share
from trainer.frozen_norms import frozen_norms
from trainer.metrics import AUC, Accuracy
from trainer.optimizer import adamw
from trainer.scalar_log import ScalarLog
from trainer.settings import TrainSettings
from trainer.training_set import (
    Preparation,
    TrainingSet,
    numbered_batches,
    preparation,
    training_batches,
)


def fit(
    model: keras.Model,
    train: TrainingSet,
    validation: tf.data.Dataset | None,
    *,
    epochs: int,
    learning_rate: float,
    settings: TrainSettings,
    start_counts: bool = False,
    steps_per_execution: int = 1,
    checkpoint: Path | None = None,
    log_dir: Path | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> dict[str, list[float]]:
    """Train a network in place.

    Parameters
    ----------
    model : keras.Model
        Network with the probability of elliptical (N, 1) as output.
    train : TrainingSet
    validation : Dataset or None
        Finite number of batches of inputs and labels (N,) or (N, 1), 0 or 1. The model gets the weights of
        the epoch with the smallest loss on them. With None, all epochs are trained and the last weights are
        used. With several processors, batches are divided among them by `trainer.devices.share`.
    epochs : int
    learning_rate : float
        Peak learning rate.
    settings : TrainSettings
    start_counts : bool
        Whether the initial weights of the model are candidates for the best weights.
    steps_per_execution : int
        Number of batches between two callbacks. It must divide `train.steps`, because Keras would otherwise
        go past the end of an epoch.
    checkpoint : Path, optional
        Folder in which the state is saved after each epoch, and from which a killed training is resumed. It
        is not removed at the end: call `Checkpoint.remove` when the result has been saved.
    log_dir : Path, optional
        Folder of TensorBoard's logs.
    callbacks : sequence of Callback
        Additional callbacks, called last. A resumed training continues the numbering of epochs.

    Returns
    -------
    dict of str to list of float
        ``loss``, ``accuracy``, ``auc`` and ``learning_rate`` after each epoch, with a validation also
        ``val_loss``, ``val_accuracy``, ``val_auc``, and one number each in ``best_epoch`` (from 1; 0 stands
        for the initial weights) and ``best_val_loss``. Label smoothing and class weights apply to the
        training loss, but not to the validation loss.

    Raises
    ------
    TrainingDiverged
        If the loss or a weight becomes infinite or NaN, or no epoch had a finite validation loss. The folder
        `checkpoint` then has the weights of the last good epoch, in a file that Keras loads.
    ValueError
        If the training set is empty, a class is missing, or `steps_per_execution` does not divide an epoch.
    """
    if not train.steps:
        raise ValueError("the training set is empty")
    if train.steps % steps_per_execution:
        raise ValueError(
            f"{steps_per_execution} steps at a time do not divide an epoch of {train.steps} steps"
        )
    keras.utils.set_random_seed(settings.seed)
    model.compile(
        optimizer=adamw(learning_rate, epochs * train.steps, settings),
        loss=keras.losses.BinaryCrossentropy(),
        metrics=[Accuracy(name="accuracy"), AUC(name="auc")],
        jit_compile=settings.jit_compile,
        steps_per_execution=steps_per_execution,
    )
    # Otherwise TensorFlow creates the optimizer's variables in the first step, and traces that step twice.
    model.optimizer.build(model.trainable_variables)
    spread = model.distribute_strategy
    if validation is not None:
        validation = share(validation, spread)
    best = KeepBest(settings.patience) if validation is not None else None
    state = Checkpoint(checkpoint, best) if checkpoint is not None else None
    course = state.restore(model) if state is not None else []
    with frozen_norms(model):
        if best is not None and start_counts and not course:
            start = model.evaluate(validation, verbose=0, return_dict=True)
            best.resume(-1, start["loss"], 0, model.get_weights())
        done = len(course)
        unfinished = done < epochs and not (state is not None and state.stopped)
        log = ScalarLog(log_dir) if log_dir is not None and unfinished else None
        # The weights are checked before they are compared and saved.
        watchers = [LogLearningRate(), StopOnNaN(), best, state, _Course(course), log, *callbacks]
        try:
            if unfinished:
                with _data(model, train, done, settings) as batches:
                    model.fit(
                        batches,
                        validation_data=validation,
                        initial_epoch=done,
                        epochs=epochs,
                        steps_per_epoch=train.steps,
                        callbacks=[watcher for watcher in watchers if watcher is not None],
                        shuffle=False,  # the dataset is shuffled already; Keras would warn
                        verbose=0,
                    )
            if best is not None:
                best.restore(model)
        except TrainingDiverged as error:
            kept = state.keep_weights(model, "last-good") if state is not None else None
            raise TrainingDiverged(
                f"{error}; the weights of the last good epoch are in {kept}" if kept else str(error)
            ) from None
        finally:
            if log is not None:
                log.close()
    history = {name: [row[name] for row in course] for name in (course[0] if course else ())}
    if best is not None:
        history["best_epoch"] = [float((-1 if best.best_epoch is None else best.best_epoch) + 1)]
        history["best_val_loss"] = [best.best_loss]
    return history


class _Course(keras.callbacks.Callback):
    """Add the figures of each epoch to a list."""

    def __init__(self, course: list[dict[str, float]]) -> None:
        super().__init__()
        self._course = course

    def on_epoch_end(self, epoch, logs=None):
        """Add the figures of an epoch."""
        self._course.append({name: float(value) for name, value in (logs or {}).items()})


@contextmanager
def prepared_in_step(model: keras.Model, prepare: Preparation) -> Iterator[None]:
    """Let the training step of a model prepare its batches itself, on the model's processor.

    Parameters
    ----------
    model : keras.Model
        Compiled, and not yet traced. Until the end of the context it is trained on `numbered_batches`.
    prepare : callable
        From `preparation`.
    """
    step = model.train_step
    model.train_step = lambda batch: step(prepare(*batch))
    try:
        yield
    finally:
        del model.train_step


@contextmanager
def _data(
    model: keras.Model, train: TrainingSet, first_epoch: int, settings: TrainSettings
) -> Iterator[tf.data.Dataset]:
    """Return the training data. A single GPU prepares them in the step; otherwise the CPU does."""
    spread = model.distribute_strategy
    if runs_on_gpu(spread):
        prepare = preparation(train, settings, seed=settings.seed, on_gpu=True)
        with prepared_in_step(model, prepare):
            yield numbered_batches(train, first_epoch).prefetch(2)
    else:
        yield share(training_batches(train, first_epoch, settings=settings, seed=settings.seed), spread)
