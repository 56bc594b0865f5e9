"""What the launcher of Kubeflow Pipelines hands over, as TFX's entry point reads it, and back.

Every function is pure: it takes and returns the JSON of an ``ExecutorInput`` or ``ExecutorOutput``
(``pipeline_spec.proto`` of Kubeflow Pipelines) as a dict.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

import yaml

Json = dict[str, Any]

MOUNTS = {"minio://": "/minio/", "s3://": "/s3/", "gs://": "/gcs/"}
"""Folder in the pod where the launcher puts the artifacts of an object store, by scheme."""

_LOGS = re.compile(r"^executor-logs(-?\d*)$")
_TITLE = re.compile(r"^title:\s*(\S+)", re.MULTILINE)


def without_logs(executor_input: Json) -> Json:
    """Drop the output for the logs of the container, whose type TFX cannot import.

    Notes
    -----
    Kubeflow Pipelines 2.17 numbers it.
    """
    outputs = executor_input.get("outputs", {})
    artifacts = {name: found for name, found in outputs.get("artifacts", {}).items() if not _LOGS.match(name)}
    return {**executor_input, "outputs": {**outputs, "artifacts": artifacts}}


def with_types(executor_input: Json, inputs_spec: Json) -> Json:
    """Fill the types of input artifacts that the driver left empty.

    Parameters
    ----------
    executor_input : dict
    inputs_spec : dict
        JSON of the ``ComponentInputsSpec``.
    """
    declared = inputs_spec.get("artifacts", {})
    inputs = executor_input.get("inputs", {})
    artifacts = {
        name: {
            **found,
            "artifacts": [
                {**each, "type": declared[name]["artifactType"]} if not _titled(each.get("type")) else each
                for each in found.get("artifacts", [])
            ],
        }
        for name, found in inputs.get("artifacts", {}).items()
    }
    return {**executor_input, "inputs": {**inputs, "artifacts": artifacts}}


def with_classes(executor_input: Json, class_of: Callable[[str], str]) -> Json:
    """Replace the titles of artifact types by import paths, which TFX finds the class by.

    Parameters
    ----------
    executor_input : dict
    class_of : callable
        Returns the import path for a title, or the title.
    """

    def renamed(artifact: Json) -> Json:
        kind = artifact.get("type", {})
        if "schemaTitle" in kind:
            return {**artifact, "type": {"schemaTitle": class_of(kind["schemaTitle"])}}
        if "instanceSchema" in kind:
            schema = _TITLE.sub(lambda found: f"title: {class_of(found[1])}", kind["instanceSchema"])
            return {**artifact, "type": {"instanceSchema": schema}}
        return artifact

    return _each_artifact(executor_input, renamed)


def to_local(executor_input: Json) -> Json:
    """Replace the URIs of an object store by folders of the pod, in URIs and in the metadata."""
    return _each_artifact(executor_input, lambda artifact: _with_paths(artifact, local_path))


def plain_metadata(executor_input: Json) -> Json:
    """Undo what the launcher has added to the metadata, and how it has wrapped lists and dicts."""

    def unwrapped(artifact: Json) -> Json:
        metadata = artifact.get("metadata", {})
        kept = {name: _unwrap(value) for name, value in metadata.items() if name not in _ADDED}
        return {**artifact, "metadata": kept} if "metadata" in artifact else artifact

    return _each_artifact(executor_input, unwrapped)


def to_remote(executor_output: Json, executor_input: Json) -> Json:
    """Return what the launcher takes as the output of a task.

    Parameters
    ----------
    executor_output : dict
        As TFX's entry point has written it.
    executor_input : dict
        As the launcher has given it: the URIs of the outputs are unchanged.

    Returns
    -------
    dict
        Without empty values, which the launcher refuses, and without local paths: with a local path as URI
        the task would succeed and nothing would be uploaded.
    """
    given = executor_input.get("outputs", {}).get("artifacts", {})
    artifacts = {}
    for name, found in executor_output.get("artifacts", {}).items():
        (artifact,) = found["artifacts"]
        (expected,) = given[name]["artifacts"]
        metadata = {
            key: _remote_text(value)
            for key, value in artifact.get("metadata", {}).items()
            if value is not None
        }
        kept = {key: expected[key] for key in ("name", "uri") if key in expected}
        artifacts[name] = {"artifacts": [{**kept, "metadata": metadata}]}
    return {**executor_output, "artifacts": artifacts}


def local_path(uri: str) -> str:
    """Return the path in the pod for the URI of an artifact; any other text unchanged."""
    for scheme, folder in MOUNTS.items():
        if uri.startswith(scheme):
            return folder + uri.removeprefix(scheme)
    return uri


def remote_uri(path: str) -> str:
    """Return the URI for the path of an artifact in the pod; any other text unchanged."""
    for scheme, folder in MOUNTS.items():
        if path.startswith(folder):
            return scheme + path.removeprefix(folder)
    return path


_ADDED = ("store_session_info", "display_name")
_NO_ARTIFACT = ("pushed_destination",)
"""Metadata with the URI of something that the launcher does not mount."""


def _remote_text(value: Any) -> Any:
    return remote_uri(value) if isinstance(value, str) else value


def _with_paths(artifact: Json, change: Callable[[str], str]) -> Json:
    metadata = {
        name: change(value) if isinstance(value, str) and name not in _NO_ARTIFACT else value
        for name, value in artifact.get("metadata", {}).items()
    }
    changed = {**artifact, "uri": change(artifact.get("uri", ""))}
    return {**changed, "metadata": metadata} if "metadata" in artifact else changed


def _unwrap(value: Any) -> Any:
    if isinstance(value, Mapping) and len(value) == 1 and next(iter(value)) in ("list", "struct"):
        return next(iter(value.values()))
    return value


def _titled(kind: Mapping[str, str] | None) -> bool:
    """Return whether a type has a title."""
    if not kind:
        return False
    return bool(kind.get("schemaTitle") or yaml.safe_load(kind.get("instanceSchema", "") or "{}"))


def _each_artifact(executor_input: Json, change: Callable[[Json], Json]) -> Json:
    changed = dict(executor_input)
    for side in ("inputs", "outputs"):
        if side not in changed:
            continue
        lists = changed[side].get("artifacts", {})
        artifacts = {
            name: {**found, "artifacts": [change(each) for each in found.get("artifacts", [])]}
            for name, found in lists.items()
        }
        changed[side] = {**changed[side], "artifacts": artifacts}
    return changed
