"""Kubernetes manifests: built by kustomize, checked against the schemas of several versions of Kubernetes."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

VERSIONS = ("1.27.0", "1.32.0", kubernetes_validate.latest_version())

Resource = dict[str, Any]


def validate(resource: Resource, version: str) -> None:
    """Raise ValidationError if Kubernetes of this version does not know the resource or one of its fields."""
    kubernetes_validate.validate(resource, version, strict=True)


def in_files(folder: Path) -> dict[tuple[str, str], Resource]:
    """Return the resources in the files of a kustomization, by kind and name."""
    return by_name(
        resource
        for file in sorted(folder.glob("*.yaml"))
        if file.name != "kustomization.yaml"
        for resource in yaml.safe_load_all(file.read_text())
    )


def built(folder: Path) -> dict[tuple[str, str], Resource]:
    """Return what kustomize builds of a folder, by kind and name; skip the test where it is not installed."""
    if shutil.which("kubectl") is None:
        pytest.skip("needs kubectl, for kustomize")
    command = ["kubectl", "kustomize", str(folder)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stderr
    return by_name(resource for resource in yaml.safe_load_all(result.stdout) if resource)


def by_name(resources) -> dict[tuple[str, str], Resource]:
    """Return resources by kind and name; no two may be alike."""
    listed = list(resources)
    named = {(resource["kind"], resource["metadata"]["name"]): resource for resource in listed}
    assert len(named) == len(listed)
    return named


def pod_of(resource: Resource) -> Resource | None:
    """Return the pod specification in a resource."""
    if resource["kind"] == "Pod":
        return resource["spec"]
    return resource.get("spec", {}).get("template", {}).get("spec")
