"""Load a trained classifier from the files of its training."""

from dataclasses import replace
from pathlib import Path

import keras

from trainer.fine_tune import start_classifier
from trainer.head import Head
from trainer.model import backbone_of
from trainer.recipe import BACKBONE_FILE, HEAD_FILE, Recipe


def load_classifier(recipe: Recipe, folder: Path) -> keras.Model:
    """Return the classifier whose weights Trainer or a fold has written to a folder.

    Parameters
    ----------
    recipe : Recipe
        Recipe of the training.
    folder : Path
        Contains `HEAD_FILE`, and `BACKBONE_FILE` unless only the head was trained.

    Returns
    -------
    keras.Model
        As `trainer.model.build_classifier` returns it.

    Raises
    ------
    FileNotFoundError
        If there is no head.
    """
    head, backbone = Head.load(folder / HEAD_FILE), folder / BACKBONE_FILE
    if not backbone.is_file():
        return start_classifier(recipe, head)
    # All weights are in the folder, so the initial weights of the training are not needed.
    bare = recipe.model.model_copy(update={"weights": "none", "weights_sha256": None})
    model = start_classifier(replace(recipe, model=bare), head)
    backbone_of(model).load_weights(backbone)
    return model
