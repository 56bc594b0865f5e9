"""Checks of a configuration for Kubeflow Pipelines, before anything is compiled."""

import difflib
import posixpath
import re
from collections.abc import Iterable, Iterator, Sequence

from kubeflow.images import names_no_version
from pipeline.config import Settings
from pipeline.errors import InputError
from pipeline.fingerprint import NODE_CODE
from pipeline.kubeflow_settings import OUTSIDE, concerns
from preprocessing.locations import is_uri, uri_problem

_PIPELINE = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")  # TFX takes 63 characters, Kubeflow Pipelines 128
# The grammar of github.com/distribution/reference, without checking the length of a path.
_IMAGE = re.compile(
    r"([A-Za-z0-9.-]+(:\d+)?/)?"
    r"[a-z0-9]+((\.|__?|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|__?|-+)[a-z0-9]+)*)*"
    r"(:[\w][\w.-]{0,127})?(@(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}))?"
)

_ALL, _DEFAULT = "*", "default"
_FOLDS = "FoldTrainer"
NODES = (*NODE_CODE, *OUTSIDE, "StatisticsGen", "ExampleValidator")
_READERS = ("RunSettings", "FitsExampleGen")
_PUBLISHERS = ("RunSettings", "Incumbent", "Pusher")


def check_for_pods(settings: Settings, image: str) -> list[str]:
    """Check that a configuration can run in the pods of Kubeflow Pipelines.

    Parameters
    ----------
    settings : Settings
    image : str
        Reference of the container image.

    Returns
    -------
    list of str
        Warnings.

    Raises
    ------
    InputError
        One line that names key and value.
    """
    name = settings.pipeline.name
    if not _PIPELINE.fullmatch(name):
        raise InputError(
            f"[pipeline] name = {name!r}: Kubeflow Pipelines takes lower-case letters, digits and hyphens, 63"
            " at most"
        )
    if settings.serving.validator == "docker":
        raise InputError(
            "[serving] validator = 'docker' does not run on Kubeflow Pipelines: choose 'process' or 'none'"
        )
    _check_node_names(settings)
    check_paths(settings)
    images = {image, *(pod.image for pod in settings.kubeflow.pods.values() if pod.image)}
    warnings = [warning for each in sorted(images) for warning in _image_warnings(each)]
    return [*warnings, *_secret_warnings(settings)]


def absent_nodes(settings: Settings, compiled: Iterable[str]) -> list[str]:
    """Return a warning for every table of ``[kubeflow.pods]`` whose node was not compiled.

    Parameters
    ----------
    settings : Settings
    compiled : iterable of str
        Names of the nodes of the pipeline.

    Returns
    -------
    list of str
    """
    names = set(compiled)
    there = names | {name.rpartition("-")[0] for name in names} | {_DEFAULT}
    return [
        f"[kubeflow.pods.{node}] has no effect: the pipeline of this configuration has no such node"
        for node in sorted(set(settings.kubeflow.pods) - there)
    ]


def _secret_warnings(settings: Settings) -> Iterator[str]:
    for secret in settings.kubeflow.secrets:
        for key, variable in secret.env.items():
            if key.isupper() and not variable.isupper():
                yield (
                    f"[kubeflow] secrets: {secret.name}: the key {key!r} becomes the environment variable"
                    f" {variable!r}; write env = {{{variable} = {key!r}}} if it is the other way round"
                )


def _check_node_names(settings: Settings) -> None:
    cluster = settings.kubeflow
    named = [("pods", node) for node in cluster.pods]
    named += [("volumes", node) for volume in cluster.volumes for node in volume.nodes]
    named += [("secrets", node) for secret in cluster.secrets for node in secret.nodes]
    for table, node in named:
        if node in NODES or node == (_DEFAULT if table == "pods" else _ALL):
            continue
        family, _, number = node.rpartition("-")
        if family == _FOLDS and number in map(str, range(settings.split.folds)):
            continue
        raise InputError(f"[kubeflow] {table}: there is no node {node!r}{_hint(settings, table, node)}")


def _hint(settings: Settings, table: str, node: str) -> str:
    if node in (_ALL, _DEFAULT):
        return f"; for all nodes, write {(_DEFAULT if table == 'pods' else _ALL)!r}"
    if node.startswith(f"{_FOLDS}-"):
        return (
            f"; with [split] folds = {settings.split.folds} the last is {_FOLDS}-{settings.split.folds - 1}"
        )
    close = difflib.get_close_matches(node, NODES, n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def check_paths(settings: Settings) -> None:
    """Check that pods reach every path of a configuration: in an object store, or under one of their volumes.

    Parameters
    ----------
    settings : Settings

    Raises
    ------
    InputError
        A path outside would be one of the container, and what is written there is lost with it.
    """
    for key, path, nodes in _paths(settings):
        check_path(settings, key, path, nodes)


def _paths(settings: Settings) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Yield key and value of all paths that pods read or write, with the nodes that always do."""
    data = settings.data
    for key in ("labels", "positions", "exclude", "corrections", "stamps"):
        value = getattr(data, key)
        for path in (value,) if isinstance(value, str) else value:
            if path:
                yield f"[data] {key}", path, _READERS
    if settings.model.weights_are_file:
        yield "[model] weights", settings.model.weights, ("RunSettings",)
    yield "[push] directory", settings.push.directory, _PUBLISHERS


def check_path(settings: Settings, key: str, path: str, nodes: Sequence[str]) -> None:
    """Raise `InputError` if a path is out of reach of the pods of some nodes."""
    if "{{" in path:  # both Kubeflow Pipelines and Argo would fill in what looks like a placeholder of theirs
        raise InputError(
            f"{key} = {path!r}: Kubeflow Pipelines takes {{{{ for the beginning of a placeholder"
        )
    if is_uri(path):
        if problem := uri_problem(path):
            raise InputError(f"{key}: {problem}")
        return
    volumes, place = settings.kubeflow.volumes, f"{posixpath.normpath(path)}/"
    holding = [volume for volume in volumes if place.startswith(f"{volume.mount}/")]
    if not holding:
        under = f" (mounted are {', '.join(volume.mount for volume in volumes)})" if volumes else ""
        raise InputError(
            f"{key} = {path!r} lies under no volume, so that pods cannot reach it: give a path under a volume"
            f" of [kubeflow] volumes{under}, or the URI of an object store"
        )
    for node in nodes:
        if not any(concerns(node, volume.nodes) for volume in holding):
            raise InputError(
                f"[kubeflow] volumes: {holding[0].claim} with {key} = {path!r} is not mounted in the node"
                f" {node}; its nodes are {', '.join(holding[0].nodes) or 'none'}"
            )


def _image_warnings(image: str) -> Iterator[str]:
    if not _IMAGE.fullmatch(image):
        raise InputError(f"image {image!r} is no reference of a container image")
    if names_no_version(image):
        yield (
            f"image {image!r} has no tag of its own: Kubeflow Pipelines would take results of an older image"
            " of the same name from its cache; give a tag for each build, or a digest"
        )
