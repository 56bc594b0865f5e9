"""The `[kubeflow]` table of the configuration: the pods of the pipeline on Kubeflow Pipelines."""

import posixpath
import re
from collections.abc import Iterable
from itertools import combinations
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator


def _matching(pattern: str, meaning: str) -> AfterValidator:
    """Return a validator that refuses other texts, with the meaning instead of the pattern."""

    def check(text: str) -> str:
        if not re.fullmatch(pattern, text, re.ASCII):
            raise ValueError(f"must be {meaning}")
        return text

    return AfterValidator(check)


_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_QUALIFIED = r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?"
_DOMAIN = rf"{_LABEL}(\.{_LABEL})*"

Name = Annotated[
    str,
    Field(max_length=253),
    _matching(_DOMAIN, "a name of Kubernetes: lower-case letters, digits, hyphens and dots"),
]
"""A name of a Kubernetes object (RFC 1123)."""

VolumeName = Annotated[
    str,
    _matching(
        _LABEL, "63 lower-case letters, digits and hyphens at most, as Kubeflow Pipelines names the volume"
    ),
]
"""A name of an object that Kubeflow Pipelines makes the name of a volume: no dots, at most 63 characters."""

_LEAST_MEMORY = 64 * 2**20
_UNITS = {"": 1, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15, "E": 1e18}
_UNITS |= {f"{name.upper()}i": 1024**power for power, name in enumerate("kMGTPE", start=1)}


def _enough(quantity: str) -> str:
    """Refuse memory in which no Python starts: 8 are bytes for Kubernetes."""
    number, unit = re.fullmatch(r"([\d.]*)(.*)", quantity).groups()  # type: ignore[union-attr]
    if number and 0 < float(number) * _UNITS[unit] < _LEAST_MEMORY:
        raise ValueError(f"is {float(number) * _UNITS[unit]:g} bytes; write 8Gi for 8 GiB")
    return quantity


Processors = Annotated[
    str,
    _matching(r"(\d{1,9}(\.\d{1,3})?|\d{1,9}m)?", 'a number of processors in quotes, such as "4" or "500m"'),
]
"""A Kubernetes quantity of processors; empty for none."""

Memory = Annotated[
    str,
    _matching(
        r"(\d{1,18}(\.\d{1,9})?([kMGTPE]|[KMGTPE]i)?)?",
        'an amount of memory in quotes, such as "16Gi"; units are Mi, Gi, M, G ...',
    ),
    AfterValidator(_enough),
]
"""A Kubernetes quantity of memory; empty for none."""

LabelKey = Annotated[
    str, _matching(rf"({_DOMAIN}/)?{_QUALIFIED}", "the key of a label, such as example.com/pool")
]
LabelValue = Annotated[
    str, _matching(rf"({_QUALIFIED})?", "the value of a label: 63 letters, digits, -, _ and . at most")
]
ResourceName = Annotated[
    str, _matching(rf"({_DOMAIN}/{_QUALIFIED})?", "the name of a resource, such as nvidia.com/gpu")
]
SecretKey = Annotated[str, _matching(r"[-._A-Za-z0-9]{1,253}", "a key of a Secret")]
Variable = Annotated[str, _matching(r"[A-Za-z_][A-Za-z0-9_]*", "the name of an environment variable")]

OUTSIDE = ("RunSettings", "FitsExampleGen", "Incumbent", "Pusher")
"""Nodes that read or write what is no artifact: label table, stamps, published models."""

_OCCUPIED = {
    "the launcher of Kubeflow Pipelines": (
        "/minio",
        "/s3",
        "/gcs",
        "/kfp-launcher",
        "/tmp/kfp",
        "/tmp/kfp_outputs",
        "/var/run/argo",
        "/var/run/secrets/kubernetes.io",
    ),
    "the image": (
        "/bin",
        "/dev",
        "/etc",
        "/lib",
        "/lib64",
        "/opt/galmorph",
        "/proc",
        "/sbin",
        "/sys",
        "/usr",
    ),
}
"""Folders of a container that a volume would hide, by owner."""


def _free(mount: str) -> str:
    """Refuse a folder that hides one of the launcher or the image, or lies in it."""
    if (
        not mount.startswith("/")
        or ":" in mount
        or posixpath.normpath(mount) != mount
        or mount.startswith("//")
    ):
        raise ValueError("must be the absolute path of a folder, without : and a slash at the end")
    for owner, folders in _OCCUPIED.items():
        for folder in folders:
            if _holds(mount, folder) or _holds(folder, mount):
                raise ValueError(f"{folder} belongs to {owner}")
    return mount


def _holds(folder: str, path: str) -> bool:
    return folder == "/" or path == folder or path.startswith(f"{folder}/")


MountPath = Annotated[str, AfterValidator(_free)]
OptionalMountPath = Annotated[str, AfterValidator(lambda mount: mount and _free(mount))]


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
        if self.mount and not re.fullmatch(_LABEL, self.name):
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
