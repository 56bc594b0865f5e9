"""The function that TFX's Trainer runs: train and export the candidate for publication."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

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
from trainer.recipe import BACKBONE_FILE, HEAD_FILE, HISTORY_FILE, Recipe
from trainer.signatures import export_classifier


def run_fn(fn_args: FnArgs) -> None:
    """Train the classifier and export it.

    Parameters
    ----------
    fn_args : FnArgs
        ``custom_config`` has the tables of `Recipe`, ``decision``, ``flux`` (the keys of `[data]` that define
        the flux units), ``limits`` (those by which stamps are accepted), ``checkpoints`` (a folder, or empty)
        and ``code``. ``base_model`` has the head that was trained on frozen features, if there is such a
        phase. TensorBoard's logs and the weights in the format of Keras are written to the ``model_run``
        artifact.
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

    # With EfficientNetB7 the first step starts only after a minute.
    send_progress("building and compiling the network")
    with strategy().scope():
        model = start_classifier(recipe, head)
        if recipe.train.fine_tune_epochs:
            history["network"] = _fine_tune(model, recipe, files, head is not None, checkpoint, run_dir)
    backbone_of(model).save_weights(run_dir / BACKBONE_FILE)
    Head.of(model).save(run_dir / HEAD_FILE)
    export_classifier(
        [model],
        recipe,
        config,
        Path(fn_args.serving_model_dir),
        {"history": history},
        _temperature(model, recipe, files[VALIDATION]),
    )
    if checkpoint is not None:
        Checkpoint(checkpoint).remove()


def _temperature(model: keras.Model, recipe: Recipe, validation: Sequence[str]) -> float | None:
    """Return the temperature fitted on the validation split; None without temperature scaling."""
    if recipe.model.calibration == "none":
        return None
    labels = read_galaxies({VALIDATION: validation}).labels
    if not len(labels):
        return 1.0
    send_progress("fitting the temperature")
    pictures = Pictures(validation, recipe.image.size, recipe.train.batch_size)
    return fit_temperature(labels, probabilities(model, recipe, pictures))


def _fine_tune(
    model: keras.Model,
    recipe: Recipe,
    files: Mapping[str, Sequence[str]],
    has_head: bool,
    checkpoint: Path | None,
    log_dir: Path,
) -> dict[str, list[float]]:
    everything = recipe.cross_validation.publish == "retrained"
    learning = dict(files) if everything else {TRAIN: files[TRAIN]}

    def pictures(which: Mapping[str, Sequence[str]]) -> Pictures:
        every = [path for paths in which.values() for path in paths]
        return Pictures(every, recipe.image.size, recipe.train.batch_size)

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
