"""Types of the `[kubeflow]` table: what Kubernetes and Kubeflow Pipelines take, with messages in words."""

import posixpath
import re
from typing import Annotated

from pydantic import AfterValidator, Field


def _matching(pattern: str, meaning: str) -> AfterValidator:
    """Return a validator that refuses other texts, with the meaning instead of the pattern."""

    def check(text: str) -> str:
        if not re.fullmatch(pattern, text, re.ASCII):
            raise ValueError(f"must be {meaning}")
        return text

    return AfterValidator(check)


LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_QUALIFIED = r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?"
_DOMAIN = rf"{LABEL}(\.{LABEL})*"

Name = Annotated[
    str,
    Field(max_length=253),
    _matching(_DOMAIN, "a name of Kubernetes: lower-case letters, digits, hyphens and dots"),
]
"""A name of a Kubernetes object (RFC 1123)."""

VolumeName = Annotated[
    str,
    _matching(
        LABEL, "63 lower-case letters, digits and hyphens at most, as Kubeflow Pipelines names the volume"
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
