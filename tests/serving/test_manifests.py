"""Compose file and manifests: valid, and in agreement with each other and with the configuration files."""

import re
import shutil
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import kubernetes_validate
import pytest
import yaml
from google.protobuf import text_format
from manifests import VERSIONS, built, in_files, validate
from tensorflow_serving.config.model_server_config_pb2 import ModelServerConfig

import serving

FOLDER = Path(serving.__file__).parent
KUBERNETES = FOLDER / "manifests/kubernetes"
IMAGE = "tensorflow/serving:2.20.0"
RESOURCES = in_files(KUBERNETES)
POD = RESOURCES["Deployment", "galmorph"]["spec"]["template"]
(CONTAINER,) = POD["spec"]["containers"]
COMPOSE = yaml.safe_load((FOLDER / "manifests/compose.yaml").read_text())["services"]["serving"]
KSERVE = yaml.safe_load((FOLDER / "manifests/kserve/inference-service.yaml").read_text())
MODEL = (
    text_format.Parse((FOLDER / "config/models.config").read_text(), ModelServerConfig())
    .model_config_list.config[0]
    .name
)
BASE_PATH = f"/models/{MODEL}"

KNOWN_FLAGS = {
    "port",
    "rest_api_port",
    "rest_api_num_threads",
    "rest_api_timeout_in_ms",
    "enable_batching",
    "batching_parameters_file",
    "allow_version_labels_for_unavailable_models",
    "model_config_file",
    "model_config_file_poll_wait_seconds",
    "num_load_threads",
    "num_unload_threads",
    "max_num_load_retries",
    "file_system_poll_wait_seconds",
    "tensorflow_intra_op_parallelism",
    "tensorflow_inter_op_parallelism",
    "grpc_channel_arguments",
    "enable_model_warmup",
    "monitoring_config_file",
}
"""Of the flags in tensorflow_serving/model_servers/main.cc, those used here."""


def flags(arguments: list[str]) -> dict[str, str]:
    pairs = (argument.removeprefix("--").partition("=") for argument in arguments)
    return {name: value for name, _, value in pairs}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("key", RESOURCES, ids="-".join)
def test_kubernetes_knows_every_field(key, version):
    validate(RESOURCES[key], version)


def test_a_misspelt_field_would_be_found():
    service = RESOURCES["Service", "galmorph"]
    with pytest.raises(kubernetes_validate.ValidationError):
        validate({**service, "spec": {**service["spec"], "selectors": {}}}, "1.32.0")


def test_kustomize_builds_what_the_files_say():
    resources = built(KUBERNETES)
    maps = {name: resource["data"] for (kind, name), resource in resources.items() if kind == "ConfigMap"}
    pod = resources["Deployment", "galmorph"]["spec"]["template"]["spec"]
    mounted = {v["name"]: maps[v["configMap"]["name"]] for v in pod["volumes"] if "configMap" in v}
    assert pod["containers"][0]["image"] == IMAGE
    folders = {
        m["mountPath"]: mounted[m["name"]]
        for m in pod["containers"][0]["volumeMounts"]
        if m["name"] in mounted
    }
    for flag in ("model_config_file", "monitoring_config_file"):
        path = Path(flags(pod["containers"][0]["args"])[flag])
        assert folders[str(path.parent)][path.name] == (FOLDER / "config" / path.name).read_text()
    assert len(resources) == len(RESOURCES) + len(maps)


def test_every_resource_and_configuration_file_is_in_the_kustomization():
    listed = yaml.safe_load((KUBERNETES / "kustomization.yaml").read_text())
    files = {file.name for file in KUBERNETES.glob("*.yaml")} - {"kustomization.yaml"}
    assert set(listed["resources"]) == files | {"../../config"}
    maps = yaml.safe_load((FOLDER / "config/kustomization.yaml").read_text())["configMapGenerator"]
    assert sorted(file for entry in maps for file in entry["files"]) == sorted(
        file.name for file in (FOLDER / "config").glob("*.config")
    )
    used = {v["configMap"]["name"] for v in POD["spec"]["volumes"] if "configMap" in v}
    assert used == {entry["name"] for entry in maps}


def test_all_run_the_same_image():
    (image,) = yaml.safe_load((KUBERNETES / "kustomization.yaml").read_text())["images"]
    assert CONTAINER["image"] == image["name"]
    model = KSERVE["spec"]["predictor"]["model"]
    assert {
        f"{image['name']}:{image['newTag']}",
        COMPOSE["image"],
        f"tensorflow/serving:{model['runtimeVersion']}",
    } == {IMAGE}
    lock = (FOLDER / "tensorflow.lock").read_text()
    assert re.search(r"^tensorflow-cpu==2\.20\.0", lock, re.MULTILINE)  # what make check-serving runs


def test_server_flags_exist_and_agree():
    kubernetes, compose = flags(CONTAINER["args"]), flags(COMPOSE["command"])
    served = flags(KSERVE["spec"]["predictor"]["model"]["args"])
    assert set(kubernetes) | set(compose) | set(served) <= KNOWN_FLAGS
    for name, value in {**compose, **served}.items():
        if not name.endswith("_file"):
            assert kubernetes[name] == value
    assert Path(compose["model_config_file"]).name == Path(kubernetes["model_config_file"]).name


def test_ports_agree():
    used = flags(CONTAINER["args"])
    ports = {port["name"]: port["containerPort"] for port in CONTAINER["ports"]}
    assert ports == {"grpc": int(used["port"]), "http": int(used["rest_api_port"])}
    for name in ("galmorph", "galmorph-pods"):
        for port in RESOURCES["Service", name]["spec"]["ports"]:
            assert port["port"] == ports[port["targetPort"]]
    rules = RESOURCES["NetworkPolicy", "galmorph"]["spec"]["ingress"]
    assert {port["port"] for rule in rules for port in rule["ports"]} == set(ports.values())
    assert COMPOSE["ports"] == [f"127.0.0.1:{port}:{port}" for port in ports.values()]
    assert POD["metadata"]["annotations"]["prometheus.io/port"] == used["rest_api_port"]


def test_model_name_and_paths_agree():
    mounts = {mount["mountPath"] for mount in CONTAINER["volumeMounts"]}
    assert BASE_PATH in mounts and BASE_PATH in {volume["target"] for volume in COMPOSE["volumes"]}
    probes = [CONTAINER[f"{kind}Probe"]["httpGet"] for kind in ("startup", "readiness", "liveness")]
    assert all(probe == {"path": f"/v1/models/{MODEL}", "port": "http"} for probe in probes)
    assert f"GET /v1/models/{MODEL} " in " ".join(COMPOSE["healthcheck"]["test"])
    assert KSERVE["metadata"]["name"] == MODEL
    monitoring = (FOLDER / "config/monitoring.config").read_text()
    assert f'"{POD["metadata"]["annotations"]["prometheus.io/path"]}"' in monitoring
    claim = next(v for v in POD["spec"]["volumes"] if v["name"] == "models")["persistentVolumeClaim"]
    assert ("PersistentVolumeClaim", claim["claimName"]) in RESOURCES
    assert KSERVE["spec"]["predictor"]["model"]["storageUri"] == f"pvc://{claim['claimName']}/"


def test_everything_finds_the_pods():
    labels = POD["metadata"]["labels"]
    selectors = [
        RESOURCES["Deployment", "galmorph"]["spec"]["selector"]["matchLabels"],
        RESOURCES["Service", "galmorph"]["spec"]["selector"],
        RESOURCES["Service", "galmorph-pods"]["spec"]["selector"],
        RESOURCES["PodDisruptionBudget", "galmorph"]["spec"]["selector"]["matchLabels"],
        RESOURCES["NetworkPolicy", "galmorph"]["spec"]["podSelector"]["matchLabels"],
    ]
    assert all(selector == labels for selector in selectors)
    target = RESOURCES["HorizontalPodAutoscaler", "galmorph"]["spec"]["scaleTargetRef"]
    assert ("Deployment", target["name"]) in RESOURCES


def test_the_server_may_not_write_nor_become_root():
    assert POD["spec"]["securityContext"]["runAsNonRoot"]
    for pod, container in (
        (POD["spec"], CONTAINER),
        (KSERVE["spec"]["predictor"], KSERVE["spec"]["predictor"]["model"]),
    ):
        assert pod["securityContext"]["runAsUser"] > 0
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert {"name": "tmp", "mountPath": "/tmp"} in container["volumeMounts"]
    assert all(m.get("readOnly") for m in CONTAINER["volumeMounts"] if m["name"] != "tmp")
    assert COMPOSE["read_only"] and COMPOSE["cap_drop"] == ["ALL"] and COMPOSE["tmpfs"] == ["/tmp"]
    assert COMPOSE["user"].split(":")[0] != "0" and "no-new-privileges:true" in COMPOSE["security_opt"]
    assert all(volume["read_only"] for volume in COMPOSE["volumes"])
    assert RESOURCES["NetworkPolicy", "galmorph"]["spec"]["egress"] == []


def test_threads_are_those_of_the_limits():
    limits = CONTAINER["resources"]["limits"]
    used = flags(CONTAINER["args"])
    assert used["tensorflow_intra_op_parallelism"] == used["tensorflow_inter_op_parallelism"] == limits["cpu"]
    assert COMPOSE["cpus"] == int(limits["cpu"])
    # Utilisation is measured against the request.
    assert CONTAINER["resources"]["requests"]["cpu"] == limits["cpu"]


def test_the_files_that_compose_mounts_exist():
    assert COMPOSE["volumes"][1]["source"] == "../config"
    for flag in ("model_config_file", "monitoring_config_file"):
        path = flags(COMPOSE["command"])[flag]
        assert (FOLDER / "config" / Path(path).relative_to("/config")).is_file()


@pytest.mark.parametrize(("state", "status"), [("AVAILABLE", 0), ("LOADING", 1)])
def test_the_health_check_of_compose_reads_the_state_of_the_model(state, status):
    word, *command = COMPOSE["healthcheck"]["test"]
    assert word == "CMD"
    if shutil.which(command[0]) is None or shutil.which("bash") is None:
        pytest.skip("needs bash and timeout")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            known = self.path == f"/v1/models/{MODEL}"
            self.send_response(200 if known else 404)
            self.end_headers()
            self.wfile.write(f'{{"model_version_status": [{{"state": "{state}"}}]}}'.encode() * known)

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        here = [part.replace("8501", str(server.server_port)) for part in command]
        assert subprocess.run(here, timeout=10).returncode == status
        server.shutdown()
