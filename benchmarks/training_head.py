"""Cost of training the head: one head, all folds and the final head, and trainings through the backbone."""

import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

import keras
import numpy as np

from benchmarks.training_data import FOLDS, take
from benchmarks.training_networks import StepClock
from preprocessing.features import TRAIN, VALIDATION
from preprocessing.settings import ImageSettings
from trainer.backbone_features import FeatureStore, compute_features
from trainer.backbones.names import backbone_facts
from trainer.fine_tune import start_classifier
from trainer.fit import fit
from trainer.folds import train_fold
from trainer.galaxies import read_galaxies
from trainer.head import fit_head
from trainer.input import Pictures
from trainer.model import backbone_of
from trainer.recipe import Recipe
from trainer.settings import CrossValidationSettings, ModelSettings, TrainSettings
from trainer.training_set import TrainingSet

Files = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class HeadFigures:
    """Times of training the head [s], without the time to build the network.

    Attributes
    ----------
    epochs : int
        Number of epochs of every training of a head.
    single_features, single_tops : list of float
        A single training: features of all galaxies without a cache, and one head with a validation split.
        Measured before and after the folds.
    all_features, folds, final : float
        Cross-validation and the final model: features once, five folds, one head.
    through_backbone : list of float
        Epochs of the head of one fold, with every picture sent through the frozen backbone in each epoch.
    """

    epochs: int
    single_features: list[float]
    single_tops: list[float]
    all_features: float
    folds: float
    final: float
    through_backbone: list[float]

    @property
    def singles(self) -> list[float]:
        """Times of the single trainings of a head."""
        return [sum(both) for both in zip(self.single_features, self.single_tops, strict=True)]

    @property
    def single(self) -> float:
        """Mean time of a single training of a head."""
        return mean(self.singles)

    @property
    def everything(self) -> float:
        """Time of the cross-validation and the final model."""
        return self.all_features + self.folds + self.final

    @property
    def backbone_epoch(self) -> float:
        """Mean time of an epoch through the backbone. The first, with TensorFlow's tracing, is left out."""
        return mean(self.through_backbone[1:])

    @property
    def five_through_backbone(self) -> float:
        """Time of five trainings through the backbone, extrapolated from the measured epochs."""
        return FOLDS * self.epochs * self.backbone_epoch


def head_recipe(backbone: str, size: int) -> Recipe:
    """Return the default recipe without early stopping, so that all heads are trained through all epochs."""
    # Pretrained weights only if they are installed: others would have to be downloaded, and are no faster.
    weights = "imagenet" if backbone_facts(backbone).package else "none"
    return Recipe(
        ImageSettings(cut=size, size=size),
        ModelSettings(backbone=backbone, weights=weights),
        TrainSettings(patience=0),
        CrossValidationSettings(phases="head"),
    )


def measure_head_phase(recipe: Recipe, files: Files, backbone_epochs: int) -> HeadFigures:
    """Run all measurements one after the other, in this process.

    Parameters
    ----------
    recipe : Recipe
        From `head_recipe`.
    files : mapping of str to sequence of str
        Transformed Examples by split.
    backbone_epochs : int
        Epochs to train through the backbone, at least 2.
    """
    keras.backend.clear_session()
    model = start_classifier(recipe, None)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        few = take(files[TRAIN], 2 * recipe.train.batch_size, folder / "few.gz")
        # Otherwise TensorFlow's set-up in this process would count towards the first measurement.
        _features(model, recipe, {TRAIN: few, VALIDATION: few}, folder / "first")
        _top(recipe, folder / "first")
        features, tops = [], []
        features.append(_features(model, recipe, files, folder / "before"))
        tops.append(_top(recipe, folder / "before"))
        all_features = _features(model, recipe, files, folder / "all")
        folds = _seconds(lambda: _train_folds(recipe, files, folder / "all", folder))
        final = _top(recipe, folder / "all")
        features.append(_features(model, recipe, files, folder / "after"))
        tops.append(_top(recipe, folder / "after"))
    through_backbone = _through_backbone(model, recipe, files, backbone_epochs)
    return HeadFigures(recipe.train.epochs, features, tops, all_features, folds, final, through_backbone)


def _train_folds(recipe: Recipe, files: Files, features: Path, folder: Path) -> None:
    for fold in range(FOLDS):
        out = folder / f"fold-{fold}"
        out.mkdir()
        train_fold(recipe, files, features, fold, out)


def _features(model: keras.Model, recipe: Recipe, files: Files, folder: Path) -> float:
    folder.mkdir()
    views, batch_size = recipe.train.views, recipe.train.batch_size
    return _seconds(lambda: compute_features(model, files, folder, views=views, batch_size=batch_size))


def _top(recipe: Recipe, folder: Path) -> float:
    store = FeatureStore.load(folder)
    learning, validation = (np.flatnonzero(store.galaxies.splits == split) for split in (TRAIN, VALIDATION))
    return _seconds(lambda: fit_head(store, learning, validation, model=recipe.model, settings=recipe.train))


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _through_backbone(model: keras.Model, recipe: Recipe, files: Files, epochs: int) -> list[float]:
    """Train the head of a fold as in `train_fold`, but on pictures, with one of eight views per epoch."""
    backbone_of(model).trainable = False
    galaxies = read_galaxies(files)
    learning = galaxies.take(galaxies.folds != 0)
    train = recipe.train
    pictures = Pictures(
        [path for paths in files.values() for path in paths],
        recipe.image.size,
        train.batch_size,
        without_fold=0,
    )
    steps = -(-len(learning) // train.batch_size)
    clock = StepClock()
    fit(
        model,
        TrainingSet(
            lambda first_epoch: pictures.stream(first_epoch, steps, seed=train.seed),
            steps,
            learning.class_counts,
            ("flips",),
        ),
        None,
        epochs=epochs,
        learning_rate=train.learning_rate,
        settings=train,
        callbacks=[clock],
    )
    return clock.epochs
