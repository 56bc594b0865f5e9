"""Checks of a configuration for Kubeflow Pipelines, before anything is compiled."""

import difflib
import re
from collections.abc import Iterator

from kubeflow.images import names_no_version
from pipeline.config import Settings
from pipeline.errors import InputError
from pipeline.fingerprint import NODE_CODE
from pipeline.kubeflow_settings import OUTSIDE
from preprocessing.locations import is_uri, uri_problem

_PIPELINE = re.compile(r"[a-z0-9][a-z0-9-]{0,127}")
# The grammar of github.com/distribution/reference, without checking the length of a path.
_IMAGE = re.compile(
    r"([A-Za-z0-9.-]+(:\d+)?/)?"
    r"[a-z0-9]+((\.|__?|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|__?|-+)[a-z0-9]+)*)*"
    r"(:[\w][\w.-]{0,127})?(@[a-z0-9]+:[0-9a-f]{32,})?"
)

_ALL = "*"
NODES = (*NODE_CODE, *OUTSIDE, "StatisticsGen", "ExampleValidator", "default", _ALL)


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
            f"[pipeline] name = {name!r}: Kubeflow Pipelines takes lower-case letters, digits and hyphens"
        )
    if settings.serving.validator == "docker":
        raise InputError(
            "[serving] validator = 'docker' does not run on Kubeflow Pipelines: choose 'process' or 'none'"
        )
    _check_node_names(settings)
    for key, path in _paths(settings):
        _check_path(settings, key, path)
    images = {image, *(pod.image for pod in settings.kubeflow.pods.values() if pod.image)}
    return [warning for each in sorted(images) for warning in _image_warnings(each)]


def _check_node_names(settings: Settings) -> None:
    cluster = settings.kubeflow
    named = [("pods", node) for node in cluster.pods]
    named += [("volumes", node) for volume in cluster.volumes for node in volume.nodes]
    named += [("secrets", node) for secret in cluster.secrets for node in secret.nodes]
    for table, node in named:
        family, _, number = node.rpartition("-")
        if node in NODES or (number.isdecimal() and family in NODES):
            continue
        close = difflib.get_close_matches(node, NODES, n=1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        raise InputError(f"[kubeflow] {table}: there is no node {node!r}{hint}")


def _paths(settings: Settings) -> Iterator[tuple[str, str]]:
    """Yield key and value of all paths that pods read or write."""
    data = settings.data
    for key in ("labels", "positions", "exclude", "corrections", "stamps"):
        value = getattr(data, key)
        for path in (value,) if isinstance(value, str) else value:
            if path:
                yield f"[data] {key}", path
    if settings.model.weights_are_file:
        yield "[model] weights", settings.model.weights
    yield "[push] directory", settings.push.directory


def _check_path(settings: Settings, key: str, path: str) -> None:
    if is_uri(path):
        if problem := uri_problem(path):
            raise InputError(f"{key}: {problem}")
        return
    mounts = [volume.mount for volume in settings.kubeflow.volumes]
    if not any(path == mount or path.startswith(f"{mount}/") for mount in mounts):
        under = f" (mounted are {', '.join(mounts)})" if mounts else ""
        raise InputError(
            f"{key} = {path!r} is a path of this machine, which pods cannot reach: give a path under a volume"
            f" of [kubeflow] volumes{under}, or the URI of an object store"
        )


def _image_warnings(image: str) -> Iterator[str]:
    if not _IMAGE.fullmatch(image):
        raise InputError(f"image {image!r} is no reference of a container image")
    if names_no_version(image):
        yield (
            f"image {image!r} has no tag of its own: Kubeflow Pipelines would take results of an older image"
            " of the same name from its cache; give a tag for each build, or a digest"
        )
