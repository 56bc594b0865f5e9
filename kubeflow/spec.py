"""What TFX's pipeline spec lacks on open-source Kubeflow Pipelines. Each function changes a spec in place.

A spec is what `KubeflowV2DagRunner.run` returns under ``pipelineSpec``: a pipeline spec 2.1 as a dict.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import yaml

from kubeflow.names import PUBLICATION_GATE, RUN_SETTINGS
from kubeflow.nodes.artifacts import SYSTEM_TYPES
from kubeflow.run_parameters import RunParameter
from pipeline.kubeflow_settings import KubeflowSettings

Spec = dict[str, Any]

_SYSTEM_VERSION = "0.0.1"
_TASK_SUFFIX = "_task"
_STORE = "store"
"""Output of RunSettings: scheme and bucket of the pipeline root."""


def set_defaults(spec: Spec, parameters: Sequence[RunParameter]) -> None:
    """Write defaults and descriptions of the parameters of a run, which TFX leaves out."""
    declared = spec["root"]["inputDefinitions"]["parameters"]
    for parameter in parameters:
        declared[parameter.name] |= {
            "defaultValue": parameter.default,
            "description": parameter.description,
        }


def name_producers(spec: Spec) -> None:
    """Correct the producers of parameters: TFX writes ``RunSettings_task`` for the task ``RunSettings``."""
    for task in _tasks(spec).values():
        for given in task.get("inputs", {}).get("parameters", {}).values():
            if (output := given.get("taskOutputParameter")) is not None:
                output["producerTask"] = output["producerTask"].removesuffix(_TASK_SUFFIX)


def never_cache(spec: Spec, node: str) -> None:
    """Switch the cache off for a node."""
    _tasks(spec)[node]["cachingOptions"] = {"enableCache": False}


def key_by_store(spec: Spec) -> None:
    """Let the first nodes after RunSettings depend on the store of the pipeline root, and so all others.

    The launcher cannot open artifacts of a ``minio://`` root in a run on an ``s3://`` root, which a cache hit
    would bring.
    """
    spec["components"][RUN_SETTINGS]["outputDefinitions"].setdefault("parameters", {})[_STORE] = {
        "parameterType": "STRING"
    }
    for node, task in _tasks(spec).items():
        if node == RUN_SETTINGS or task["inputs"].get("artifacts"):
            continue
        spec["components"][node]["inputDefinitions"]["parameters"][_STORE] = {"parameterType": "STRING"}
        task["inputs"]["parameters"][_STORE] = {
            "taskOutputParameter": {"producerTask": RUN_SETTINGS, "outputParameterKey": _STORE}
        }
        task["dependentTasks"] = sorted({*task.get("dependentTasks", ()), RUN_SETTINGS})


def show_artifacts(spec: Spec) -> None:
    """Declare the artifacts that the user interface shows by its own types."""
    for component in spec["components"].values():
        for artifact in component.get("outputDefinitions", {}).get("artifacts", {}).values():
            title = yaml.safe_load(artifact["artifactType"].get("instanceSchema", "{}")).get("title")
            if title in SYSTEM_TYPES:
                artifact["artifactType"] = {"schemaTitle": title, "schemaVersion": _SYSTEM_VERSION}


def set_pods(spec: Spec, settings: KubeflowSettings) -> None:
    """Set image, resources and retries of every node."""
    for node, container in containers(spec):
        pod = settings.pod(node)
        if pod.image:
            container["image"] = pod.image
        resources: dict[str, Any] = {}
        for what, amount in (("Cpu", pod.cpu), ("Memory", pod.memory)):
            if amount:
                resources |= {f"resource{what}{kind}": amount for kind in ("Request", "Limit")}
        if pod.gpu:
            resources["accelerator"] = {"resourceType": pod.gpu_type, "resourceCount": str(pod.gpu)}
        if resources:
            container["resources"] = resources
        if pod.retries and node != PUBLICATION_GATE:  # which would come to the same verdict
            _tasks(spec)[node]["retryPolicy"] = {
                "maxRetryCount": pod.retries,
                "backoffDuration": "30s",
                "backoffFactor": 2.0,
                "backoffMaxDuration": "600s",
            }


def containers(spec: Spec) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield name and container of every node."""
    executors = spec["deploymentSpec"]["executors"]
    for node in _tasks(spec):
        yield node, executors[spec["components"][node]["executorLabel"]]["container"]


def _tasks(spec: Spec) -> dict[str, Any]:
    return spec["root"]["dag"]["tasks"]
