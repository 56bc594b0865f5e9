"""Fine-tuning: the second phase of training, in which the network is trained on pictures."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np

from trainer.devices import predict
from trainer.fit import fit
from trainer.galaxies import Galaxies, TrainingDataError
from trainer.head import Head
from trainer.input import Pictures
from trainer.model import averaged, build_classifier, set_trainable
from trainer.recipe import Recipe
from trainer.training_set import TrainingSet


def start_classifier(recipe: Recipe, head: Head | None) -> keras.Model:
    """Return the classifier at the start of fine-tuning, with the trained head if there is one."""
    model = build_classifier(
        recipe.model,
        image_size=recipe.image.size,
        policy=recipe.train.dtype_policy,
        seed=recipe.train.seed,
    )
    if head is not None:
        head.put_on(model)
    return model


def fine_tune(
    model: keras.Model,
    recipe: Recipe,
    pictures: Pictures,
    galaxies: Galaxies,
    validation: Pictures | None,
    *,
    has_head: bool,
    checkpoint: Path | None = None,
    log_dir: Path | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> dict[str, list[float]]:
    """Fine-tune a classifier in place.

    Parameters
    ----------
    model : keras.Model
        From `start_classifier`.
    recipe : Recipe
    pictures : Pictures
        Training pictures.
    galaxies : Galaxies
        The galaxies of `pictures`.
    validation : Pictures or None
        The best epoch is the one with the smallest loss on these pictures; with None the last epoch is used.
    has_head : bool
        Whether the head is trained already. If so, the initial weights of `model` may be the best.
    checkpoint, log_dir, callbacks
        See `trainer.fit.fit`.

    Returns
    -------
    dict of str to list of float
        Figures of each epoch; see `trainer.fit.fit`.

    Raises
    ------
    TrainingDataError
        If a class is missing, votes are missing but are the training target, or there are more processors
        than galaxies.
    TrainingDiverged
        If the loss or a weight becomes infinite or NaN.
    """
    galaxies.require_both_classes("the training set")
    train = recipe.train
    set_trainable(model, start=train.fine_tune_from, pretrained=recipe.model.pretrained)
    soft = train.labels == "votes"
    if soft:
        galaxies.require_votes("the training set")
    replicas = model.distribute_strategy.num_replicas_in_sync
    pictures = replace(pictures, replicas=replicas)
    steps = pictures.steps(len(galaxies))
    if not steps:
        raise TrainingDataError(
            f"{len(galaxies)} training galaxies cannot be divided among {replicas} processors: list fewer"
            " in CUDA_VISIBLE_DEVICES"
        )
    unseen = None
    if validation is not None:
        unseen = replace(validation, replicas=replicas).in_order(often=True).prefetch(2)
    return fit(
        model,
        TrainingSet(
            lambda first_epoch: pictures.stream(first_epoch, steps, seed=train.seed, soft=soft),
            steps=steps,
            class_counts=galaxies.class_counts,
            augment=train.augment,
            mixup=train.mixup,
        ),
        unseen,
        epochs=train.fine_tune_epochs,
        learning_rate=train.fine_tune_learning_rate,
        settings=train,
        start_counts=has_head,
        checkpoint=checkpoint,
        log_dir=log_dir,
        callbacks=callbacks,
    )


def probabilities(model: keras.Model, recipe: Recipe, pictures: Pictures) -> np.ndarray:
    """Return the probabilities of a classifier, averaged over as many views as in the exported model.

    Parameters
    ----------
    model : keras.Model
    recipe : Recipe
    pictures : Pictures
        At least one.

    Returns
    -------
    ndarray, float32, shape (N,)
        In the order of `Pictures.in_order`.
    """
    views = recipe.model.views
    # All views of a batch go through the network at once.
    fewer = replace(pictures, batch_size=max(1, pictures.batch_size // views))
    return predict(averaged([model], views), fewer)[:, 0]
