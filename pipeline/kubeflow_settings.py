"""The `[kubeflow]` table of the configuration: the pods of the pipeline on Kubeflow Pipelines."""

import re
from collections.abc import Iterable
from itertools import combinations
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from pipeline.kubernetes_fields import (
    LABEL,
    LabelKey,
    LabelValue,
    Memory,
    MountPath,
    Name,
    OptionalMountPath,
    Processors,
    ResourceName,
    SecretKey,
    Variable,
    VolumeName,
)

OUTSIDE = ("RunSettings", "FitsExampleGen", "Incumbent", "Pusher")
"""Nodes that read or write what is no artifact: label table, stamps, published models."""


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


_NODES = Field(
    OUTSIDE,
    description="nodes whose pods get it, by default those that read data or published models; * for all",
)


class VolumeSettings(_Table):
    """A persistent volume claim."""

    claim: VolumeName = Field(description="name of the PersistentVolumeClaim")
    mount: MountPath = Field(description="folder in the containers")
    sub_path: str = Field("", description="folder of the volume; the whole volume if empty")
    nodes: tuple[str, ...] = _NODES

    @field_validator("sub_path")
    @classmethod
    def _inside(cls, sub_path: str) -> str:
        if sub_path and (sub_path.startswith("/") or ".." in sub_path.split("/")):
            raise ValueError("must be a relative path without ..")
        return sub_path


class SecretSettings(_Table):
    """A secret, as environment variables or as files."""

    name: Name = Field(description="name of the Secret")
    env: dict[SecretKey, Variable] = Field({}, description="environment variable by key of the Secret")
    mount: OptionalMountPath = Field("", description="folder of the files; empty for none")
    nodes: tuple[str, ...] = _NODES

    @model_validator(mode="after")
    def _used(self) -> "SecretSettings":
        if not self.env and not self.mount:
            raise ValueError(f"secret {self.name}: give env or mount")
        if self.mount and not re.fullmatch(LABEL, self.name):
            raise ValueError(
                f"secret {self.name}: Kubeflow Pipelines can mount a secret only if its name has no dots and"
                " at most 63 characters"
            )
        return self


class TolerationSettings(_Table):
    """A toleration, as Kubernetes has it."""

    key: str = Field("", description="key of the taint; empty for all")
    operator: Literal["Exists", "Equal"] = Field("Equal", description="how key and value are compared")
    value: str = Field("", description="value of the taint")
    effect: Literal["", "NoSchedule", "PreferNoSchedule", "NoExecute"] = Field(
        "", description="effect of the taint; empty for all"
    )

    @model_validator(mode="after")
    def _as_kubernetes_has_it(self) -> "TolerationSettings":
        if self.operator == "Exists" and self.value:
            raise ValueError('a value needs operator = "Equal"')
        if self.operator == "Equal" and not self.key:
            raise ValueError('without key, operator must be "Exists"')
        return self


class PodSettings(_Table):
    """What the pod of a node asks for. What is left out is taken from ``default``."""

    cpu: Processors = Field("", description="processors, request and limit")
    memory: Memory = Field("", description="memory, request and limit")
    gpu: int | None = Field(None, ge=0, le=64, description="number of accelerators")
    gpu_type: ResourceName = Field(
        "", description="resource name of the accelerator; nvidia.com/gpu if empty"
    )
    image: str = Field("", description="image of this node; that of the command line if empty")
    retries: int | None = Field(None, ge=0, le=20, description="how often a failed pod is started again")
    node_selector: dict[LabelKey, LabelValue] = Field({}, description="labels that the machine must have")
    tolerations: tuple[TolerationSettings, ...] = Field(
        (), description="taints of machines that are tolerated"
    )

    def over(self, default: "PodSettings") -> "PodSettings":
        """Return these settings, completed by those of ``default``."""
        mine = {name: value for name, value in self if value not in ("", None, {}, ())}
        return default.model_copy(update=mine)


_DEFAULT = PodSettings(cpu="2", memory="8Gi", gpu=0, gpu_type="nvidia.com/gpu", retries=2)


class KubeflowSettings(_Table):
    """The `[kubeflow]` table."""

    volumes: tuple[VolumeSettings, ...] = Field(
        (), description="volumes with stamps, published models, weights"
    )
    secrets: tuple[SecretSettings, ...] = Field(
        (), description="secrets, such as the keys of an object store"
    )
    image_pull_secrets: tuple[Name, ...] = Field((), description="secrets with which the image is pulled")
    image_pull_policy: Literal["", "Always", "IfNotPresent", "Never"] = Field(
        "", description="when the image is pulled; empty for the default of Kubernetes"
    )
    run_as_user: int | None = Field(
        None, ge=1, description="user ID of the containers; that of the image if left out"
    )
    run_as_group: int | None = Field(
        None, ge=0, description="group ID of the containers; that of the image if left out"
    )
    run_as_non_root: bool = Field(
        False, description="let Kubernetes refuse images that run as root, as namespaces may ask"
    )
    pods: dict[str, PodSettings] = Field(
        {}, description="resources by node; FoldTrainer stands for all folds, default for all nodes"
    )

    @model_validator(mode="after")
    def _distinct(self) -> "KubeflowSettings":
        """Refuse what Kubernetes would refuse when it makes a pod."""
        mounted: list[VolumeSettings | SecretSettings] = [
            *self.volumes,
            *(secret for secret in self.secrets if secret.mount),
        ]
        for one, other in combinations(mounted, 2):
            if one.mount == other.mount and _share_pods(one.nodes, other.nodes):
                raise ValueError(f"two volumes or secrets are mounted at {one.mount}")
            # Kubeflow Pipelines makes a volume of this name for each of them.
            if (name := _volume_name(one)) == _volume_name(other) and _share_pods(one.nodes, other.nodes):
                raise ValueError(
                    f"{name} is mounted twice in the same pods, at {one.mount} and {other.mount}, which"
                    " Kubeflow Pipelines cannot do; mount it once, and give the folders of it in the paths"
                )
        for one, other in combinations(self.secrets, 2):
            doubled = set(one.env.values()) & set(other.env.values())
            if doubled and _share_pods(one.nodes, other.nodes):
                raise ValueError(f"two secrets set the environment variable {min(doubled)}")
        for secret in self.secrets:
            if len(set(secret.env.values())) < len(secret.env):
                raise ValueError(f"secret {secret.name} sets an environment variable twice")
        return self

    def pod(self, node: str) -> PodSettings:
        """Return the settings of the pod of a node.

        Parameters
        ----------
        node : str
            Name of the node, such as ``"FoldTrainer-3"``.

        Returns
        -------
        PodSettings
        """
        default = self.pods.get("default", PodSettings()).over(_DEFAULT)
        family = self.pods.get(node.rpartition("-")[0], PodSettings()).over(default)
        return self.pods.get(node, PodSettings()).over(family)


def _volume_name(mounted: VolumeSettings | SecretSettings) -> str:
    return mounted.claim if isinstance(mounted, VolumeSettings) else mounted.name


def _share_pods(one: Iterable[str], other: Iterable[str]) -> bool:
    """Return whether nodes of one list are among those of the other; FoldTrainer stands for all folds."""
    names, others = set(one), set(other)
    families = {name.rpartition("-")[0] for name in names}, {name.rpartition("-")[0] for name in others}
    return "*" in names | others or bool(names & others or names & families[1] or others & families[0])


def concerns(node: str, nodes: Iterable[str]) -> bool:
    """Return whether a node is among those that get a volume or secret."""
    return bool({"*", node, node.rpartition("-")[0]} & set(nodes))
