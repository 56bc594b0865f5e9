"""The `[kubeflow]` table of the configuration: the pods of the pipeline on Kubeflow Pipelines."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

Name = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$")]
"""A name of a Kubernetes object (RFC 1123)."""

Quantity = Annotated[str, Field(pattern=r"^$|^\d+(\.\d+)?(m|[kMGTPE]|[KMGTPE]i)?$")]
"""A Kubernetes quantity, such as ``"4"``, ``"500m"`` or ``"16Gi"``; empty for none."""

MountPath = Annotated[str, Field(pattern=r"^/[^:]*[^:/]$")]

OUTSIDE = ("RunSettings", "FitsExampleGen", "Incumbent", "Pusher")
"""Nodes that read or write what is no artifact: label table, stamps, published models."""

_LAUNCHER_FOLDERS = ("/minio", "/s3", "/gcs", "/kfp-launcher", "/tmp/kfp")


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


_NODES = Field(
    OUTSIDE,
    description="nodes whose pods get it, by default those that read data or published models; * for all",
)


class VolumeSettings(_Table):
    """A persistent volume claim."""

    claim: Name = Field(description="name of the PersistentVolumeClaim")
    mount: MountPath = Field(description="folder in the containers")
    sub_path: str = Field("", description="folder of the volume; the whole volume if empty")
    nodes: tuple[str, ...] = _NODES

    @field_validator("mount")
    @classmethod
    def _not_of_the_launcher(cls, mount: str) -> str:
        for folder in _LAUNCHER_FOLDERS:
            if mount == folder or mount.startswith(f"{folder}/"):
                raise ValueError(f"{folder} belongs to the launcher of Kubeflow Pipelines")
        return mount


class SecretSettings(_Table):
    """A secret, as environment variables or as files."""

    name: Name = Field(description="name of the Secret")
    env: dict[str, str] = Field({}, description="environment variable by key of the Secret")
    mount: Annotated[str, Field(pattern=r"^$|^/[^:]*[^:/]$")] = Field(
        "", description="folder of the files; empty for none"
    )
    nodes: tuple[str, ...] = _NODES

    @model_validator(mode="after")
    def _used(self) -> "SecretSettings":
        if not self.env and not self.mount:
            raise ValueError(f"secret {self.name}: give env or mount")
        return self


class TolerationSettings(_Table):
    """A toleration, as Kubernetes has it."""

    key: str = Field("", description="key of the taint; empty for all")
    operator: Literal["Exists", "Equal"] = Field("Equal", description="how key and value are compared")
    value: str = Field("", description="value of the taint")
    effect: Literal["", "NoSchedule", "PreferNoSchedule", "NoExecute"] = Field(
        "", description="effect of the taint; empty for all"
    )


class PodSettings(_Table):
    """What the pod of a node asks for. What is left out is taken from ``default``."""

    cpu: Quantity = Field("", description="processors, request and limit")
    memory: Quantity = Field("", description="memory, request and limit")
    gpu: int | None = Field(None, ge=0, le=64, description="number of accelerators")
    gpu_type: str = Field("", description="resource name of the accelerator; nvidia.com/gpu if empty")
    image: str = Field("", description="image of this node; that of the command line if empty")
    retries: int | None = Field(None, ge=0, le=20, description="how often a failed pod is started again")
    node_selector: dict[str, str] = Field({}, description="labels that the machine must have")
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
        mounts = [volume.mount for volume in self.volumes] + [
            each.mount for each in self.secrets if each.mount
        ]
        doubled = {mount for mount in mounts if mounts.count(mount) > 1}
        if doubled:
            raise ValueError(f"two volumes or secrets are mounted at {min(doubled)}")
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
