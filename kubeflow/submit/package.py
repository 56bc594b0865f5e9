"""A compiled pipeline: what its YAML file says about parameters, tasks and images."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

import yaml

from kubeflow.submit.errors import SubmitError

MISSING: Any = object()
"""The default of a parameter that has none."""

LARGEST_ARGUMENT = 128 * 1024 - 1
"""Longest argument of a process on Linux [byte]. KFP passes specifications and parameters to its pods so."""

_SUFFIXES = (".yaml", ".yml")


@dataclass(frozen=True)
class Parameter:
    """A run parameter.

    Attributes
    ----------
    name : str
    type : str
        ``NUMBER_INTEGER``, ``NUMBER_DOUBLE``, ``STRING``, ``BOOLEAN``, ``LIST``, ``STRUCT``, or one that only
        KFP itself fills in.
    default : object
        `MISSING` if there is none.
    optional : bool
        Whether a run may go without it.
    """

    name: str
    type: str
    default: Any = MISSING
    optional: bool = False


@dataclass(frozen=True)
class Package:
    """A compiled pipeline.

    Attributes
    ----------
    path : Path
    name : str
        Name of the pipeline.
    root : str
        Pipeline root that the file sets; empty if it sets none.
    parameters : dict of str to Parameter
        By name.
    tasks : tuple of str
        Tasks of the root, each after those that it depends on.
    images : tuple of str
        Images of the executors, sorted, each once.
    """

    path: Path
    name: str
    root: str
    parameters: dict[str, Parameter] = field(default_factory=dict)
    tasks: tuple[str, ...] = ()
    images: tuple[str, ...] = ()


def read_package(path: Path) -> Package:
    """Read and check a compiled pipeline.

    Parameters
    ----------
    path : Path
        A YAML file: the pipeline specification, and possibly a second document with ``platforms``.

    Returns
    -------
    Package

    Raises
    ------
    SubmitError
        If the file cannot be read, is no compiled pipeline of KFP 2, or has a part that is too large for KFP.
    """
    spec, platforms = _documents(path)
    _check_kind(path, spec)
    spec = _as_sent(path, spec, platforms)
    _check_sizes(path, spec)
    definitions = spec["root"].get("inputDefinitions", {}).get("parameters", {})
    return Package(
        path,
        spec["pipelineInfo"]["name"],
        spec.get("defaultPipelineRoot", ""),
        {name: _parameter(name, definition) for name, definition in sorted(definitions.items())},
        tasks_of(spec),
        _images(spec),
    )


def tasks_of(spec: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the tasks of a specification's root, each after those that it depends on.

    Parameters
    ----------
    spec : mapping
        A pipeline specification, or one under the key ``pipeline_spec``, as the API returns it.

    Raises
    ------
    SubmitError
        If tasks depend on each other in a circle.
    """
    inner = spec.get("pipeline_spec", spec)
    tasks = inner.get("root", {}).get("dag", {}).get("tasks", {})
    graph = TopologicalSorter({name: task.get("dependentTasks", ()) for name, task in tasks.items()})
    try:
        graph.prepare()
    except CycleError as error:
        raise SubmitError(f"tasks depend on each other in a circle: {', '.join(error.args[1])}") from None
    order: list[str] = []
    while graph.is_active():
        ready = sorted(graph.get_ready())
        order += ready
        graph.done(*ready)
    return tuple(order)


def _documents(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    if path.suffix not in _SUFFIXES:
        raise SubmitError(f"{path}: a compiled pipeline is a file that ends in .yaml")
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise SubmitError(f"{path} does not exist") from None
    except OSError as error:
        raise SubmitError(f"{path} cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise SubmitError(f"{path} is no text file in UTF-8") from None
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        documents = [document for document in yaml.load_all(text, Loader=loader) if document is not None]
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or "it cannot be parsed"
        raise SubmitError(f"{path}{where} is no YAML: {problem}") from None
    if not documents:
        raise SubmitError(f"{path} is empty")
    if not all(isinstance(document, dict) for document in documents):
        raise SubmitError(f"{path} is no compiled pipeline: it is no mapping")
    platforms: dict[str, Any] = {}
    for document in documents[1:]:
        platforms |= document
    return documents[0], platforms


def _check_kind(path: Path, spec: dict[str, Any]) -> None:
    how = "make one with `galmorph kubeflow compile`"
    if spec.get("kind") == "Workflow":
        raise SubmitError(
            f"{path} is an Argo workflow, such as KFP 1 compiles; KFP 2 takes its own format: {how}"
        )
    if "implementation" in spec:
        raise SubmitError(f"{path} is a component, no pipeline: {how}")
    root = spec.get("root")
    name = isinstance(spec.get("pipelineInfo"), dict) and spec["pipelineInfo"].get("name")
    if not (isinstance(root, dict) and isinstance(root.get("dag"), dict) and name):
        raise SubmitError(f"{path} is no compiled pipeline (it lacks root or pipelineInfo): {how}")


def _as_sent(path: Path, spec: dict[str, Any], platforms: dict[str, Any]) -> dict[str, Any]:
    """Return the specification as KFP's client sends it, with whose schema it is checked."""
    from google.protobuf import json_format
    from kfp.pipeline_spec import pipeline_spec_pb2

    try:
        message = json_format.ParseDict(spec, pipeline_spec_pb2.PipelineSpec())
        json_format.ParseDict(platforms, pipeline_spec_pb2.PlatformSpec())
    except json_format.ParseError as error:
        problem = " ".join(str(error).split())
        raise SubmitError(f"{path} is not as KFP's pipeline specification has it: {problem[:300]}") from None
    return json_format.MessageToDict(message)


def _check_sizes(path: Path, spec: dict[str, Any]) -> None:
    parts = {f"component {name}": part for name, part in spec.get("components", {}).items()}
    executors = spec.get("deploymentSpec", {}).get("executors", {})
    parts |= {f"container of {name}": part.get("container", {}) for name, part in executors.items()}
    for name, part in parts.items():
        size = len(json.dumps(part, ensure_ascii=False).encode())
        if size > LARGEST_ARGUMENT:
            raise SubmitError(
                f"{path}: the specification of {name} has {size:,} bytes, but KFP passes it to its driver as "
                f"one argument, which cannot have more than {LARGEST_ARGUMENT:,}"
            )


def _parameter(name: str, definition: dict[str, Any]) -> Parameter:
    return Parameter(
        name,
        definition.get("parameterType", "STRING"),
        definition.get("defaultValue", MISSING),
        bool(definition.get("isOptional", False)),
    )


def _images(spec: dict[str, Any]) -> tuple[str, ...]:
    executors = spec.get("deploymentSpec", {}).get("executors", {}).values()
    found = {executor.get("container", {}).get("image", "") for executor in executors}
    return tuple(sorted(found - {""}))
