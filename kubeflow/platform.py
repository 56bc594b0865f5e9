"""The document ``platforms.kubernetes`` of a compiled pipeline: volumes, secrets and machines of the pods."""

from typing import Any

from google.protobuf import json_format
from kfp.kubernetes import kubernetes_executor_config_pb2 as pb
from kfp.pipeline_spec.pipeline_spec_pb2 import TaskInputsSpec

from kubeflow.spec import Spec, containers
from pipeline.kubeflow_settings import KubeflowSettings, concerns


def platform_document(spec: Spec, settings: KubeflowSettings) -> dict[str, Any]:
    """Return the second document of the YAML.

    Parameters
    ----------
    spec : dict
        Pipeline spec.
    settings : KubeflowSettings

    Returns
    -------
    dict
        Empty if no pod needs anything.
    """
    executors = {}
    for node, _ in containers(spec):
        config = json_format.MessageToDict(pod_config(node, settings))
        if config:
            executors[spec["components"][node]["executorLabel"]] = config
    return {"platforms": {"kubernetes": {"deploymentSpec": {"executors": executors}}}} if executors else {}


def pod_config(node: str, settings: KubeflowSettings) -> pb.KubernetesExecutorConfig:
    """Return what the pod of a node gets beside image and resources.

    Parameters
    ----------
    node : str
    settings : KubeflowSettings

    Returns
    -------
    KubernetesExecutorConfig
        Names are written in the deprecated fields, too, as kfp-kubernetes does, for older clusters.
    """
    config = pb.KubernetesExecutorConfig()
    for volume in settings.volumes:
        if concerns(node, volume.nodes):
            config.pvc_mount.add(
                constant=volume.claim,
                pvc_name_parameter=_constant(volume.claim),
                mount_path=volume.mount,
                sub_path=volume.sub_path,
            )
    for secret in settings.secrets:
        if not concerns(node, secret.nodes):
            continue
        named = {"secret_name": secret.name, "secret_name_parameter": _constant(secret.name)}
        if secret.env:
            variables = [
                pb.SecretAsEnv.SecretKeyToEnvMap(secret_key=key, env_var=variable)
                for key, variable in secret.env.items()
            ]
            config.secret_as_env.add(key_to_env=variables, **named)
        if secret.mount:
            config.secret_as_volume.add(mount_path=secret.mount, **named)
    for name in settings.image_pull_secrets:
        config.image_pull_secret.add(secret_name=name, secret_name_parameter=_constant(name))
    config.image_pull_policy = settings.image_pull_policy
    user, group = settings.run_as_user, settings.run_as_group
    if user is not None or group is not None or settings.run_as_non_root:
        config.security_context.CopyFrom(
            pb.SecurityContext(
                run_as_user=user, run_as_group=group, run_as_non_root=settings.run_as_non_root or None
            )
        )
    pod = settings.pod(node)
    config.node_selector.labels.update(pod.node_selector)
    for toleration in pod.tolerations:
        config.tolerations.add(**toleration.model_dump())
    if not pod.node_selector:
        config.ClearField("node_selector")
    return config


def _constant(text: str) -> TaskInputsSpec.InputParameterSpec:
    value = TaskInputsSpec.InputParameterSpec()
    value.runtime_value.constant.string_value = text
    return value
