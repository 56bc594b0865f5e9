"""Compile the pipeline to the YAML that Kubeflow Pipelines takes."""

from collections.abc import Sequence
from typing import Any

import yaml
from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2
from tfx.orchestration.kubeflow.v2.kubeflow_v2_dag_runner import (
    KubeflowV2DagRunner,
    KubeflowV2DagRunnerConfig,
)

from kubeflow.create import create_kubeflow_pipeline
from kubeflow.names import RUN_SETTINGS
from kubeflow.platform import platform_document
from kubeflow.run_parameters import run_parameters
from kubeflow.spec import key_by_store, name_producers, never_cache, set_defaults, set_pods, show_artifacts
from pipeline.config import Settings

# Given explicitly: Kubeflow Pipelines does not use the ENTRYPOINT of an image. With -P, a file in the working
# folder of the image cannot be taken for a module.
COMMAND = ("python", "-P", "-m", "kubeflow.entrypoint")


def compile_pipeline(settings: Settings, image: str) -> list[dict[str, Any]]:
    """Compile the pipeline of a configuration.

    Parameters
    ----------
    settings : Settings
        Checked by `kubeflow.checks.check_for_pods`.
    image : str
        Reference of the image of all nodes that have none of their own in ``[kubeflow.pods]``.

    Returns
    -------
    list of dict
        The documents of the YAML: the pipeline spec (schema 2.1) and, if the pods need any, the platform
        spec.
    """
    config = KubeflowV2DagRunnerConfig(
        default_image=image, default_commands=list(COMMAND), use_pipeline_spec_2_1=True
    )
    runner = KubeflowV2DagRunner(config)
    spec = runner.run(create_kubeflow_pipeline(settings), write_out=False)["pipelineSpec"]
    set_defaults(spec, run_parameters(settings))
    name_producers(spec)
    never_cache(spec, RUN_SETTINGS)
    key_by_store(spec)
    show_artifacts(spec)
    set_pods(spec, settings.kubeflow)
    json_format.ParseDict(spec, pipeline_spec_pb2.PipelineSpec())  # raises if a field is unknown
    platform = platform_document(spec, settings.kubeflow)
    return [spec, platform] if platform else [spec]


def to_yaml(documents: Sequence[dict[str, Any]]) -> str:
    """Return the text of the YAML; equal documents give equal text."""
    return yaml.safe_dump_all(documents, sort_keys=True, width=110)
