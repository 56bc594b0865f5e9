"""Files of an Examples artifact."""

import os

from tfx.dsl.io import fileio
from tfx.types import artifact_utils
from tfx.types.artifact import Artifact

from preprocessing.features import TRAIN, VALIDATION


def files_by_split(examples: Artifact) -> dict[str, list[str]]:
    """Return the files of each split, sorted."""
    return {
        split: sorted(fileio.glob(os.path.join(examples.uri, f"Split-{split}", "*")))
        for split in artifact_utils.decode_split_names(examples.split_names)
    }


def learning_files(examples: Artifact) -> dict[str, list[str]]:
    """Return the files of the training and the validation split."""
    files = files_by_split(examples)
    return {split: files[split] for split in (TRAIN, VALIDATION)}
