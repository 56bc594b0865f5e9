"""Incumbent: fetches the published model with which the candidate is compared."""

import json
from pathlib import Path

import fsspec
from tfx.dsl.component.experimental.annotations import OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types.standard_artifacts import Model
from tfx.utils import path_utils

from components.optional_model import write_no_model
from pipeline.errors import InputError


@component
def Incumbent(model: OutputArtifact[Model], published: Parameter[str], code: Parameter[str]) -> None:
    """Copy the published model into an artifact.

    Parameters
    ----------
    model : Model
        The copy; a folder with `components.optional_model.NO_MODEL` if nothing has been published yet.
    published : str
        Result of `kubeflow.incumbent.find_incumbent`, as JSON.
    code : str
        Fingerprint of our own code, for the cache.
    """
    found = json.loads(published)
    if not found:
        write_no_model(model)
        return
    system, path = fsspec.core.url_to_fs(found["path"])
    folder = Path(path_utils.serving_model_dir(model.uri))
    files = system.find(path)
    if not files:  # deleted since, or under a volume that this pod does not have
        raise InputError(f"the published model {found['path']} is gone")
    for file in files:
        copy = folder / file.removeprefix(path).lstrip("/")
        copy.parent.mkdir(parents=True, exist_ok=True)
        system.get_file(file, str(copy))
