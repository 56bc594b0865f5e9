"""One fold of the cross-validation: train on all other folds, score this one."""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from evaluation.formats.out_of_fold import SCORES_FILE, OutOfFold, read_scores, write_scores
from trainer.backbone_features import FeatureStore
from trainer.checkpoint import Checkpoint
from trainer.devices import strategy
from trainer.epoch_progress import EpochProgress, HeadProgress
from trainer.fine_tune import fine_tune, probabilities, start_classifier
from trainer.galaxies import Galaxies, TrainingDataError, read_galaxies
from trainer.head import Head, fit_head, with_heads
from trainer.input import Pictures
from trainer.model import backbone_of
from trainer.novelty import Novelty, fit_novelty
from trainer.recipe import BACKBONE_FILE, HEAD_FILE, Recipe

ABOUT_FILE = "fold.json"


@dataclass(frozen=True)
class FoldScores:
    """Out-of-fold predictions of one fold.

    Attributes
    ----------
    scores : OutOfFold
    about : dict
        ``fold``, ``phases``, ``n_train``, ``seconds``, ``history``.
    """

    scores: OutOfFold
    about: dict[str, Any]

    @classmethod
    def load(cls, folder: Path) -> "FoldScores":
        """Read the output of `train_fold`."""
        return cls(read_scores(Path(folder, SCORES_FILE)), json.loads(Path(folder, ABOUT_FILE).read_text()))


def train_fold(
    recipe: Recipe,
    files: Mapping[str, Sequence[str]],
    features: Path | None,
    fold: int,
    folder: Path,
    *,
    checkpoint: Path | None = None,
) -> None:
    """Train on all folds but one through all epochs, and score that one.

    The scored fold is not used in training, not even to choose the best epoch. The scores measure the recipe
    in the way in which ``publish = "retrained"`` applies it.

    Parameters
    ----------
    recipe : Recipe
    files : mapping of str to sequence of str
        Gzipped TFRecords of transformed Examples by split: training and validation.
    features : Path or None
        Output of `trainer.backbone_features.compute_features`, if the head is trained on its own.
    fold : int
    folder : Path
        Gets `ABOUT_FILE`, `SCORES_FILE`, the head and, if the network was fine-tuned, the backbone's weights.
    checkpoint : Path, optional
        See `trainer.fit.fit`.

    Raises
    ------
    TrainingDataError
        If a class is missing in the fold, or in all others.
    TrainingDiverged
        If the loss or a weight becomes infinite or NaN.
    """
    started = time.monotonic()
    store = FeatureStore.load(features) if features is not None else None
    galaxies = store.galaxies if store is not None else read_galaxies(files)
    learning, scored = _divide(galaxies, fold)
    history: dict[str, Any] = {}
    head = None
    if store is not None:
        watch = [HeadProgress(recipe.train.epochs)]
        head, history["head"] = fit_head(
            store, learning, None, model=recipe.model, settings=recipe.train, callbacks=watch
        )
    if recipe.folds_train_networks:
        pictures = _pictures(recipe, files, without_fold=fold)
        with strategy().scope():
            model = start_classifier(recipe, head)
            history["network"] = fine_tune(
                model,
                recipe,
                pictures,
                galaxies.take(learning),
                None,
                has_head=head is not None,
                checkpoint=checkpoint,
                callbacks=[EpochProgress(recipe.train.fine_tune_epochs)],
            )
        head = Head.of(model)
        backbone_of(model).save_weights(folder / BACKBONE_FILE)
        p_elliptical = probabilities(model, recipe, _pictures(recipe, files, only_fold=fold))
    else:
        assert store is not None and head is not None
        p_elliptical = head.probabilities(store.values[scored, : recipe.model.views])
    head.save(folder / HEAD_FILE)
    unseen = galaxies.take(scored)
    columns = (unseen.names, unseen.labels, unseen.folds, p_elliptical)
    write_scores(folder / SCORES_FILE, OutOfFold(*(column.tolist() for column in columns)))
    about = {
        "fold": fold,
        "phases": "all" if recipe.folds_train_networks else "head",
        "n_train": len(learning),
        "seconds": time.monotonic() - started,
        "history": history,
    }
    (folder / ABOUT_FILE).write_text(json.dumps(about, indent=2) + "\n")
    if checkpoint is not None:
        Checkpoint(checkpoint).remove()


def fold_classifiers(recipe: Recipe, folders: Sequence[Path]) -> list[keras.Model]:
    """Return the classifiers of the folds, whose mean is the ensemble.

    Parameters
    ----------
    recipe : Recipe
    folders : sequence of Path
        Output of `train_fold` for each fold.

    Returns
    -------
    list of keras.Model
        One for each fold. If the folds share the frozen backbone, a single one with all heads, so that five
        folds cost no more than one. `trainer.model.averaged` accepts both.
    """
    heads = [Head.load(folder / HEAD_FILE) for folder in folders]
    if not recipe.folds_train_networks:
        model = start_classifier(recipe, heads[0])
        return [model if len(heads) == 1 else with_heads(model, heads)]
    models = []
    for folder, head in zip(folders, heads, strict=True):
        model = start_classifier(recipe, head)
        backbone_of(model).load_weights(folder / BACKBONE_FILE)
        models.append(model)
    return models


def fold_novelty(
    model: keras.Model, recipe: Recipe, files: Mapping[str, Sequence[str]], fold: int
) -> Novelty | None:
    """Return the distance from the galaxies that a fold's classifier learned from; the fold is the reference.

    Parameters
    ----------
    model : keras.Model
        First result of `fold_classifiers`.
    recipe : Recipe
    files : mapping of str to sequence of str
        Gzipped TFRecords of transformed Examples by split: training and validation.
    fold : int
        The fold that the classifier did not learn from.

    Returns
    -------
    Novelty or None
        See `trainer.novelty.fit_novelty`.
    """
    learned = _pictures(recipe, files, without_fold=fold)
    return fit_novelty(model, learned, _pictures(recipe, files, only_fold=fold))


def _divide(galaxies: Galaxies, fold: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the indices of the galaxies to train on, and of those to score."""
    learning, scored = np.flatnonzero(galaxies.folds != fold), np.flatnonzero(galaxies.folds == fold)
    if not len(scored) or not len(learning):
        raise TrainingDataError(
            f"[split] folds: fold {fold} has {len(scored)} of the {len(galaxies)} galaxies of training and"
            " validation split: set fewer folds"
        )
    for which, whose in ((scored, f"fold {fold}"), (learning, f"the training set of fold {fold}")):
        galaxies.take(which).require_both_classes(f"[split] folds: {whose}")
    return learning, scored


def _pictures(recipe: Recipe, files: Mapping[str, Sequence[str]], **fold: int) -> Pictures:
    every = [path for paths in files.values() for path in paths]
    return Pictures(every, recipe.image.size, recipe.train.batch_size, **fold)
