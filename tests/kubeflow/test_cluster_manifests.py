"""Manifests of volumes, object store and servers: valid, strict, and as the example configuration has it."""

from pathlib import Path

import pytest
import yaml
from manifests import VERSIONS, built, pod_of, validate

import kubeflow
from pipeline.config import load_settings

FOLDER = Path(kubeflow.__file__).parent / "manifests"
KUSTOMIZATIONS = sorted(
    file.parent.relative_to(FOLDER).as_posix() for file in FOLDER.rglob("kustomization.yaml")
)
EXAMPLE = load_settings(FOLDER.parent.parent / "configs/kubeflow.toml")
SERVING = "overlays/serving"


@pytest.mark.parametrize("name", KUSTOMIZATIONS)
def test_kustomize_builds_what_kubernetes_knows(name):
    resources = built(FOLDER / name)
    assert resources
    for resource in resources.values():
        for version in VERSIONS:
            validate(resource, version)


def test_every_file_is_used():
    for name in KUSTOMIZATIONS:
        folder = FOLDER / name
        listed = set(yaml.safe_load((folder / "kustomization.yaml").read_text())["resources"])
        assert {file.name for file in folder.glob("*.yaml")} - {"kustomization.yaml"} <= listed


@pytest.mark.parametrize("name", KUSTOMIZATIONS)
def test_pods_are_restricted_and_may_not_call_kubernetes(name):
    """As the Pod Security Standard "restricted" asks, and beyond it."""
    for resource in built(FOLDER / name).values():
        if (pod := pod_of(resource)) is None:
            continue
        assert pod["automountServiceAccountToken"] is False
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod)
        assert all(not volume.get("hostPath") for volume in pod["volumes"])
        for container in pod["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert {"name": "tmp", "mountPath": "/tmp"} in container["volumeMounts"]
            assert {"cpu", "memory"} == set(container["resources"]["limits"])


@pytest.mark.parametrize("name", KUSTOMIZATIONS)
def test_images_have_a_tag_that_is_not_latest(name):
    for resource in built(FOLDER / name).values():
        for container in (pod_of(resource) or {"containers": []})["containers"]:
            path, _, tag = container["image"].rpartition(":")
            assert path and tag and tag != "latest" and "/" not in tag


def test_the_example_mounts_the_claims_where_the_manifests_have_them():
    claims = {name for kind, name in built(FOLDER / "base") if kind == "PersistentVolumeClaim"}
    assert {volume.claim for volume in EXAMPLE.kubeflow.volumes} == claims
    shell = built(FOLDER / "base")["Pod", "galmorph-shell"]["spec"]
    assert {volume.claim: volume.mount for volume in EXAMPLE.kubeflow.volumes} == mounted_claims(shell)


def test_the_servers_read_where_the_example_publishes():
    resources = built(FOLDER / SERVING)
    pod = pod_of(resources["Deployment", "galmorph"])
    mounts = mounted_claims(pod)
    (published,) = (v for v in EXAMPLE.kubeflow.volumes if EXAMPLE.push.directory.startswith(v.mount))
    assert mounts == {published.claim: published.mount}
    assert (
        f'base_path: "{EXAMPLE.push.directory}"'
        in resources["ConfigMap", "galmorph-models"]["data"]["models.config"]
    )
    (volume,) = (v for v in pod["volumes"] if "persistentVolumeClaim" in v)
    assert volume["persistentVolumeClaim"]["readOnly"] is True
    # The claim is made with the pipeline; what serves must not ask for it in another size.
    assert not [name for kind, name in resources if kind == "PersistentVolumeClaim"]


def test_all_pods_on_a_volume_are_of_one_group():
    """Kubernetes gives a volume to the fsGroup of a pod that mounts it: another would lock Pusher out."""
    shell = built(FOLDER / "base")["Pod", "galmorph-shell"]["spec"]["securityContext"]
    server = pod_of(built(FOLDER / SERVING)["Deployment", "galmorph"])["securityContext"]
    assert shell["fsGroup"] == server["fsGroup"] == 0  # the group of the image's user


def test_the_embedded_server_takes_the_place_of_tf_serving():
    of_tf = pod_of(built(FOLDER / SERVING)["Deployment", "galmorph"])
    ours = pod_of(built(FOLDER / "overlays/serving-embedded")["Deployment", "galmorph"])
    (there,), (here,) = of_tf["containers"], ours["containers"]
    assert here["command"] == ["galmorph", "serve", EXAMPLE.push.directory, "--embedded"]
    options = dict(zip(here["args"][::2], here["args"][1::2], strict=True))
    ports = {port["name"]: str(port["containerPort"]) for port in there["ports"]}
    assert options == {"--host": "0.0.0.0", "--rest-port": ports["http"], "--grpc-port": ports["grpc"]}
    for part in (
        "ports",
        "startupProbe",
        "readinessProbe",
        "livenessProbe",
        "volumeMounts",
        "securityContext",
    ):
        assert here[part] == there[part]


def test_kind_has_one_node_and_its_own_image():
    resources = built(FOLDER / "overlays/kind-minio")
    claims = [
        resource["spec"] for (kind, _), resource in resources.items() if kind == "PersistentVolumeClaim"
    ]
    assert [claim["accessModes"] for claim in claims] == [["ReadWriteOnce"]] * 3
    images = {c["image"] for r in resources.values() if (pod := pod_of(r)) for c in pod["containers"]}
    assert {image for image in images if "minio" not in image} == {"localhost/galmorph:kind"}


def test_credentials_are_in_no_file():
    resources = built(FOLDER / "minio")
    assert not [name for kind, name in resources if kind == "Secret"]
    for resource in resources.values():
        for container in (pod_of(resource) or {"containers": []})["containers"]:
            for variable in container.get("env", []):
                if any(word in variable["name"] for word in ("KEY", "USER", "PASSWORD")):
                    assert variable["valueFrom"]["secretKeyRef"]["name"] == "galmorph-minio"


def test_who_submits_may_not_delete():
    (rule,) = built(FOLDER / "submitter")["Role", "galmorph-submitter"]["rules"]
    assert rule["apiGroups"] == ["pipelines.kubeflow.org"]
    assert set(rule["verbs"]) == {"get", "list", "create"}


def mounted_claims(pod: dict) -> dict[str, str]:
    """Return the folder at which each claim is mounted."""
    claims = {
        volume["name"]: volume["persistentVolumeClaim"]["claimName"]
        for volume in pod["volumes"]
        if "persistentVolumeClaim" in volume
    }
    (container,) = pod["containers"]
    return {claims[m["name"]]: m["mountPath"] for m in container["volumeMounts"] if m["name"] in claims}
