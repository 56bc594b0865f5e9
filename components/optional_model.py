"""A model that may be missing: on Kubeflow Pipelines there is an artifact even before the first model."""

from pathlib import Path

from tfx.types.artifact import Artifact

NO_MODEL = "NO_MODEL"
"""File that marks an artifact without a model. Kubeflow's launcher does not upload an empty folder."""


def write_no_model(model: Artifact) -> None:
    """Mark an artifact as one without a model."""
    folder = Path(model.uri)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / NO_MODEL).write_text("")


def is_missing(model: Artifact | None) -> bool:
    """Return whether there is no model."""
    return model is None or Path(model.uri, NO_MODEL).is_file()
