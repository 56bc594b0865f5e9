"""Train a classifier: first its top on a frozen backbone, then the whole network."""

from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from trainer.augment import augmenter
from trainer.callbacks import KeepBest, LogLearningRate, StopOnNaN
from trainer.metrics import AUC, Accuracy
from trainer.model import set_trainable
from trainer.scalar_log import ScalarLog
from trainer.settings import TrainSettings


def balanced_weights(counts: Sequence[int]) -> tuple[float, float]:
    """Return weights of spirals and ellipticals that let both classes count alike, 1 on average.

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


def count_steps_and_classes(batches: tf.data.Dataset) -> tuple[int, tuple[int, int]]:
    """Return the number of batches of a finite dataset, and of its spirals and ellipticals."""
    steps, counts = 0, np.zeros(2, np.int64)
    for _, labels in batches:
        counts += np.bincount(np.asarray(labels).ravel().astype(np.int64), minlength=2)
        steps += 1
    return steps, (int(counts[0]), int(counts[1]))


def prepare_training(
    batches: tf.data.Dataset, *, settings: TrainSettings, class_weights: tuple[float, float], seed: int
) -> tf.data.Dataset:
    """Vary the pictures, smooth the labels and add the class weights.

    Parameters
    ----------
    batches : Dataset
        Of pictures (N, size, size, 3), uint8 or float32, 0 to 255, and labels (N,) or (N, 1), 0 or 1.
    settings : TrainSettings
        `augment` and `label_smoothing` are used.
    class_weights : tuple of float
        Weights of spirals and ellipticals.
    seed : int
        Of the augmentation; every epoch varies the pictures anew.

    Returns
    -------
    Dataset
        Of pictures, labels (N, 1) and weights (N,), without end.
    """
    vary = augmenter(settings.augment)
    seeds = tf.data.Dataset.random(seed=seed, rerandomize_each_iteration=True).batch(2)
    smoothing = settings.label_smoothing

    def prepare(batch, numbers):
        pictures, labels = batch
        labels = tf.reshape(tf.cast(labels, tf.float32), (-1, 1))
        weights = tf.where(labels[:, 0] > 0.5, class_weights[1], class_weights[0])
        return vary(pictures, numbers), labels * (1.0 - smoothing) + 0.5 * smoothing, weights

    # Endless, because Keras draws all epochs from one iterator when it is told how long an epoch is.
    endless = tf.data.Dataset.zip((batches.repeat(), seeds))
    # Two threads keep one batch ahead of the network; more would take cores from it.
    return endless.map(prepare, num_parallel_calls=2).prefetch(2)


def _optimizer(peak: float, steps: int, settings: TrainSettings) -> keras.Optimizer:
    """AdamW (Loshchilov & Hutter 2019, arXiv:1711.05101) with a linear warm-up and a cosine decay to zero."""
    warm_up = round(settings.warm_up * steps)
    schedule = keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=0.0 if warm_up else peak,
        decay_steps=max(1, steps - warm_up),
        warmup_target=peak if warm_up else None,
        warmup_steps=warm_up,
    )
    optimizer = keras.optimizers.AdamW(schedule, weight_decay=settings.weight_decay, global_clipnorm=1.0)
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return optimizer


def fit_classifier(
    model: keras.Model,
    train: tf.data.Dataset,
    validation: tf.data.Dataset,
    *,
    settings: TrainSettings,
    pretrained: bool,
    steps_per_epoch: int | None = None,
    class_counts: tuple[int, int] | None = None,
    log_dir: Path | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> dict[str, list[float]]:
    """Train a classifier in place and leave it with the weights of the best epoch.

    Parameters
    ----------
    model : keras.Model
        From `trainer.model.build_classifier`.
    train : Dataset
        Batches of pictures (N, size, size, 3), uint8 or float32, 0 to 255, and labels (N,) or (N, 1), 0 or 1;
        shuffled by the caller. One pass is an epoch unless `steps_per_epoch` is given.
    validation : Dataset
        Batches of the same kind, finite.
    settings : TrainSettings
        The `[train]` table.
    pretrained : bool
        Whether the backbone came with learned weights: only then is it frozen in the first phase, and its
        batch norms in both.
    steps_per_epoch : int, optional
        Batches in an epoch; needed for an endless dataset, otherwise counted.
    class_counts : tuple of int, optional
        Spirals and ellipticals in one epoch; counted in a pass through `train` if needed and not given.
    log_dir : Path, optional
        Where TensorBoard's logs go.
    callbacks : sequence of Callback
        Called in addition, after ours; ``on_train_begin`` comes once for each phase. Epochs are numbered
        through.

    Returns
    -------
    dict of str to list of float
        ``loss``, ``accuracy``, ``auc``, ``val_loss``, ``val_accuracy``, ``val_auc`` and ``learning_rate``
        after each epoch, and one number each in ``best_epoch`` (from 1) and ``best_val_loss``. The training
        loss is smoothed and weighted, the validation loss is neither.

    Raises
    ------
    TrainingDiverged
        If the loss is no longer finite.
    ValueError
        If a dataset is empty or a class is missing.
    """
    keras.utils.set_random_seed(settings.seed)
    if steps_per_epoch is None or (settings.class_weights and class_counts is None):
        counted = train if steps_per_epoch is None else train.take(steps_per_epoch)
        steps_per_epoch, class_counts = count_steps_and_classes(counted)
    if not steps_per_epoch:
        raise ValueError("the training set is empty")
    weights = balanced_weights(class_counts) if settings.class_weights and class_counts else (1.0, 1.0)

    best = KeepBest(settings.patience)
    watchers = [LogLearningRate(), StopOnNaN(), best]
    log = None
    if log_dir is not None:
        log = ScalarLog(log_dir)
        watchers.append(log)
    history: dict[str, list[float]] = {}
    done = 0
    phases = (
        (True, settings.epochs, settings.learning_rate),
        (False, settings.fine_tune_epochs, settings.fine_tune_learning_rate),
    )
    for phase, (top_only, epochs, learning_rate) in enumerate(phases):
        if not epochs:
            continue
        set_trainable(model, top_only=top_only, pretrained=pretrained)
        if best.best_epoch is not None:  # the whole network starts from the best top
            best.restore(model)
        model.compile(
            optimizer=_optimizer(learning_rate, epochs * steps_per_epoch, settings),
            loss=keras.losses.BinaryCrossentropy(),
            metrics=[Accuracy(name="accuracy"), AUC(name="auc")],
            jit_compile=settings.jit_compile,
        )
        prepared = prepare_training(
            train, settings=settings, class_weights=weights, seed=settings.seed + phase
        )
        result = model.fit(
            prepared,
            validation_data=validation,
            initial_epoch=done,
            epochs=done + epochs,
            steps_per_epoch=steps_per_epoch,
            callbacks=[*watchers, *callbacks],
            shuffle=False,  # the dataset is shuffled; Keras warns otherwise
            verbose=0,
        )
        done += len(result.epoch)
        for name, values in result.history.items():
            history.setdefault(name, []).extend(float(value) for value in values)
    if log is not None:
        log.close()
    best.restore(model)
    history["best_epoch"] = [float((best.best_epoch or 0) + 1)]
    history["best_val_loss"] = [best.best_loss]
    return history
