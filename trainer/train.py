"""The function that TFX's Trainer runs: train and export the candidate for publication."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
from tfx.components.trainer.fn_args_utils import FnArgs
from tfx.dsl.io import fileio

from evaluation.calibration import fit_temperature
from preprocessing.features import TRAIN, VALIDATION
from preprocessing.progress import send_progress
from trainer.checkpoint import Checkpoint, checkpoint_folder
from trainer.devices import strategy
from trainer.epoch_progress import EpochProgress
from trainer.fine_tune import fine_tune, probabilities, start_classifier
from trainer.galaxies import read_galaxies
from trainer.head import Head
from trainer.input import Pictures
from trainer.model import backbone_of
from trainer.novelty import NOVELTY_REFERENCE, Novelty, fit_novelty
from trainer.ranges import training_ranges
from trainer.recipe import BACKBONE_FILE, HEAD_FILE, HISTORY_FILE, Recipe
from trainer.signatures import export_classifier
from trainer.temperature import TEMPERATURE


def run_fn(fn_args: FnArgs) -> None:
    """Train the classifier and export it.

    Parameters
    ----------
    fn_args : FnArgs
        ``custom_config`` has the tables of `Recipe`, ``decision``, ``flux`` (the keys of `[data]` that define
        the flux units), ``limits`` (those by which stamps are accepted), ``chunk`` (of the exported model, 0
        for the default), ``checkpoints`` (a folder, or empty) and ``code``. ``base_model`` has the head that
        was trained on frozen features, if there is such a phase. ``hyperparameters`` has the output of
        `HeldOutReference` if the model is retrained on all galaxies and there are folds. TensorBoard's logs
        and the weights in the format of Keras are written to the ``model_run`` artifact.
    """
    config = fn_args.custom_config
    recipe = Recipe.load(config)
    files = {
        TRAIN: [path for pattern in fn_args.train_files for path in fileio.glob(pattern)],
        VALIDATION: [path for pattern in fn_args.eval_files for path in fileio.glob(pattern)],
    }
    checkpoint = checkpoint_folder(config["checkpoints"], config, files, fn_args.base_model)
    head, history = None, {}
    if fn_args.base_model:
        head = Head.load(Path(fn_args.base_model, HEAD_FILE))
        history["head"] = json.loads(Path(fn_args.base_model, HISTORY_FILE).read_text())
    run_dir = Path(fn_args.model_run_dir)
    run_dir.mkdir(parents=True, exist_ok=True)

    # With EfficientNetB7 the first step takes a while to begin.
    send_progress("building and compiling the network")
    with strategy().scope():
        model = start_classifier(recipe, head)
        if recipe.train.fine_tune_epochs:
            history["network"] = _fine_tune(model, recipe, files, head is not None, checkpoint, run_dir)
    backbone_of(model).save_weights(run_dir / BACKBONE_FILE)
    Head.of(model).save(run_dir / HEAD_FILE)
    held_out = fn_args.hyperparameters or {}
    learned = [*files[TRAIN], *(files[VALIDATION] if _is_retrained(recipe) else ())]
    export_classifier(
        [model],
        recipe,
        config,
        Path(fn_args.serving_model_dir),
        {"history": history, **training_ranges(learned).entry()},
        _temperature(model, recipe, files[VALIDATION], held_out),
        _novelty(model, recipe, files, held_out.get(NOVELTY_REFERENCE)),
    )
    if checkpoint is not None:
        Checkpoint(checkpoint).remove()


def _temperature(
    model: keras.Model, recipe: Recipe, validation: Sequence[str], held_out: Mapping[str, Any]
) -> float | None:
    """Return the temperature fitted on the validation split; None without temperature scaling.

    A model that is retrained on both splits has that of the folds, which learned in the same way.
    """
    if recipe.model.calibration == "none":
        return None
    if _is_retrained(recipe):
        return float(held_out[TEMPERATURE])
    labels = read_galaxies({VALIDATION: validation}).labels
    if not len(labels):
        return 1.0
    send_progress("fitting the temperature")
    return fit_temperature(labels, probabilities(model, recipe, _split_pictures(recipe, validation)))


def _novelty(
    model: keras.Model,
    recipe: Recipe,
    files: Mapping[str, Sequence[str]],
    reference: Sequence[float] | None,
) -> Novelty | None:
    """Return the distance from the training galaxies, with the validation split as reference.

    A model that is retrained on both splits has the reference of a fold, if there are folds.
    """
    send_progress("measuring how far held-out galaxies are from the training galaxies")
    learned, held_out = _split_pictures(recipe, files[TRAIN]), _split_pictures(recipe, files[VALIDATION])
    if not _is_retrained(recipe):
        return fit_novelty(model, learned, held_out)
    novelty = fit_novelty(model, replace(learned, files=[*files[TRAIN], *files[VALIDATION]]), None)
    return novelty.with_reference(reference) if novelty is not None and reference is not None else novelty


def _is_retrained(recipe: Recipe) -> bool:
    """Return whether the model learns from training and validation split."""
    return recipe.cross_validation.publish == "retrained"


def _split_pictures(recipe: Recipe, files: Sequence[str]) -> Pictures:
    return Pictures(files, recipe.image.size, recipe.train.batch_size)


def _fine_tune(
    model: keras.Model,
    recipe: Recipe,
    files: Mapping[str, Sequence[str]],
    has_head: bool,
    checkpoint: Path | None,
    log_dir: Path,
) -> dict[str, list[float]]:
    everything = _is_retrained(recipe)
    learning = dict(files) if everything else {TRAIN: files[TRAIN]}

    def pictures(which: Mapping[str, Sequence[str]]) -> Pictures:
        return _split_pictures(recipe, [path for paths in which.values() for path in paths])

    return fine_tune(
        model,
        recipe,
        pictures(learning),
        read_galaxies(learning),
        None if everything else pictures({VALIDATION: files[VALIDATION]}),
        has_head=has_head,
        checkpoint=checkpoint,
        log_dir=log_dir,
        callbacks=[EpochProgress(recipe.train.fine_tune_epochs)],
    )
