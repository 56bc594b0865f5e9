"""The compiled pipeline, compiled once; driver and launcher read it in `test_run_on_kubeflow`."""

import json

import pytest
import yaml
from google.protobuf import json_format
from kfp.kubernetes import kubernetes_executor_config_pb2
from kfp.pipeline_spec import pipeline_spec_pb2

from kubeflow.compile import compile_pipeline, to_yaml
from pipeline.config import Settings

IMAGE = "registry.example/galmorph:1"
TABLES = {
    "pipeline": {"root": "/run", "name": "idr5"},
    "data": {"labels": "/data/labels.csv", "stamps": "s3://stamps/{band}/{name}.fits"},
    "train": {"epochs": 4, "fine_tune_epochs": 6},
    "gate": {"min_auc": 0.97},
    "push": {"directory": "/models/galmorph"},
    "kubeflow": {
        "volumes": [
            {"claim": "labels", "mount": "/data", "sub_path": "idr5"},
            {"claim": "models", "mount": "/models", "nodes": ["RunSettings", "Pusher"]},
        ],
        "secrets": [
            {"name": "keys", "env": {"access": "AWS_ACCESS_KEY_ID"}},
            {"name": "files", "mount": "/keys", "nodes": ["*"]},
        ],
        "image_pull_secrets": ["registry"],
        "image_pull_policy": "IfNotPresent",
        "pods": {
            "default": {"cpu": "1", "memory": "4Gi", "retries": 1},
            "FoldTrainer": {"gpu": 1, "image": "registry.example/gpu:1"},
            "FoldTrainer-2": {"memory": "32Gi"},
            "Trainer": {
                "gpu": 2,
                "gpu_type": "amd.com/gpu",
                "cpu": "500m",
                "retries": 0,
                "node_selector": {"pool": "gpu"},
                "tolerations": [{"key": "gpu", "operator": "Exists", "effect": "NoSchedule"}],
            },
        },
    },
}


@pytest.fixture(scope="module")
def documents() -> list[dict]:
    return compile_pipeline(Settings.model_validate(TABLES), IMAGE)


@pytest.fixture(scope="module")
def tasks(documents) -> dict:
    return documents[0]["root"]["dag"]["tasks"]


def container(documents, node: str) -> dict:
    return documents[0]["deploymentSpec"]["executors"][f"{node}_executor"]["container"]


def pod(documents, node: str) -> dict:
    return documents[1]["platforms"]["kubernetes"]["deploymentSpec"]["executors"].get(f"{node}_executor", {})


def test_it_is_a_pipeline_spec_2_1_that_reads_back(documents):
    spec, platform = yaml.safe_load_all(to_yaml(documents))
    assert [spec, platform] == documents
    assert spec["schemaVersion"] == "2.1.0" and spec["pipelineInfo"]["name"] == "idr5"
    json_format.ParseDict(spec, pipeline_spec_pb2.PipelineSpec())
    for config in platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"].values():
        json_format.ParseDict(config, kubernetes_executor_config_pb2.KubernetesExecutorConfig())


def test_the_same_configuration_gives_the_same_text(documents):
    assert to_yaml(compile_pipeline(Settings.model_validate(TABLES), IMAGE)) == to_yaml(documents)


def test_no_folder_of_this_machine_is_compiled(documents, tasks):
    compiled = json.loads(
        tasks["RunSettings"]["inputs"]["parameters"]["compiled"]["runtimeValue"]["constant"]
    )
    assert (
        compiled["pipeline"]["root"] == "/tmp"
        and TABLES["pipeline"]["root"] not in to_yaml(documents).split()
    )


def test_no_node_is_one_that_kubeflow_does_not_run(documents, tasks):
    executors = documents[0]["deploymentSpec"]["executors"]
    assert {next(iter(executor)) for executor in executors.values()} == {"container"}
    assert all(name.replace("-", "").isalnum() for name in tasks)
    assert "InfraValidator" not in tasks and {"Incumbent", "ServingValidator", "PublicationGate"} <= set(
        tasks
    )


def test_fold_trainers_do_not_wait_for_each_other(tasks):
    for fold in range(5):
        waits = tasks[f"FoldTrainer-{fold}"]["dependentTasks"]
        assert not [name for name in waits if name.startswith(("FoldTrainer", "Trainer"))]


def test_parameters_of_a_run_have_working_defaults(documents):
    declared = documents[0]["root"]["inputDefinitions"]["parameters"]
    defaults = {name: found["defaultValue"] for name, found in declared.items()}
    assert defaults["labels"] == "/data/labels.csv" and defaults["stamps"] == TABLES["data"]["stamps"]
    assert (defaults["epochs"], defaults["fine_tune_epochs"], defaults["min_auc"]) == (4, 6, 0.97)
    assert (defaults["models_directory"], defaults["model_name"]) == ("/models", "galmorph")
    assert all(found["description"] for found in declared.values())
    types = {name: found["parameterType"] for name, found in declared.items()}
    assert types["epochs"] == "NUMBER_INTEGER" and types["min_auc"] == "NUMBER_DOUBLE"
    given = documents[0]["root"]["dag"]["tasks"]["RunSettings"]["inputs"]["parameters"]
    assert {each["componentInputParameter"] for each in given.values() if "runtimeValue" not in each} == set(
        types
    )


def test_other_nodes_get_their_parameters_from_the_first_one_which_is_not_cached(tasks):
    assert not tasks["RunSettings"]["cachingOptions"].get("enableCache")
    assert all(task["cachingOptions"]["enableCache"] for name, task in tasks.items() if name != "RunSettings")
    produced = {
        (node, name): given["taskOutputParameter"]["producerTask"]
        for node, task in tasks.items()
        for name, given in task["inputs"].get("parameters", {}).items()
        if "taskOutputParameter" in given
    }
    assert set(produced.values()) == {"RunSettings"}
    assert {("FitsExampleGen", "fingerprint"), ("Trainer", "custom_config"), ("Pusher", "directory")} <= set(
        produced
    )
    assert "RunSettings" in tasks["Trainer"]["dependentTasks"]


def test_every_node_depends_on_the_store_of_the_artifacts(documents, tasks):
    """The launcher cannot open artifacts of another kind of store, which a cache hit would bring."""
    first = {name for name, task in tasks.items() if not task["inputs"].get("artifacts")}
    assert first == {"RunSettings", "ExampleSchema", "FitsExampleGen", "Incumbent"}
    for node in first - {"RunSettings"}:
        given = tasks[node]["inputs"]["parameters"]["store"]["taskOutputParameter"]
        assert given == {"producerTask": "RunSettings", "outputParameterKey": "store"}
        assert "store" in documents[0]["components"][node]["inputDefinitions"]["parameters"]
        assert "RunSettings" in tasks[node]["dependentTasks"]


def test_no_node_holds_what_a_parameter_of_the_run_may_change(documents, tasks):
    """The values that were compiled in may stand in RunSettings only, which replaces them."""
    others = {name: task for name, task in tasks.items() if name != "RunSettings"}
    executors = documents[0]["deploymentSpec"]["executors"]
    text = json.dumps([others, {name: executors[name] for name in executors if "RunSettings" not in name}])
    for value in ("/data/labels.csv", "s3://stamps", "/models", "0.97", "fine_tune_epochs"):
        assert value not in text


def test_the_command_does_not_depend_on_the_image(documents):
    for node in documents[0]["components"]:
        assert container(documents, node)["command"] == ["python", "-P", "-m", "kubeflow.entrypoint"]
        assert container(documents, node)["args"][0] == "--executor_class_path"


def test_images_and_resources_are_those_of_the_node(documents, tasks):
    common = {f"resourceCpu{kind}": "1" for kind in ("Request", "Limit")}
    memory = {f"resourceMemory{kind}": "4Gi" for kind in ("Request", "Limit")}
    assert container(documents, "Transform")["resources"] == common | memory
    assert container(documents, "Transform")["image"] == IMAGE
    fold = container(documents, "FoldTrainer-2")
    assert fold["image"] == "registry.example/gpu:1"
    assert fold["resources"]["resourceMemoryLimit"] == "32Gi"
    assert fold["resources"]["accelerator"] == {"resourceType": "nvidia.com/gpu", "resourceCount": "1"}
    trainer = container(documents, "Trainer")["resources"]
    assert trainer["resourceCpuRequest"] == "500m" and trainer["resourceMemoryRequest"] == "4Gi"
    assert trainer["accelerator"] == {"resourceType": "amd.com/gpu", "resourceCount": "2"}
    assert tasks["Transform"]["retryPolicy"]["maxRetryCount"] == 1
    assert "retryPolicy" not in tasks["Trainer"] and "retryPolicy" not in tasks["PublicationGate"]


def test_volumes_and_secrets_go_to_the_nodes_that_need_them(documents):
    (labels,) = pod(documents, "FitsExampleGen")["pvcMount"]
    assert labels["constant"] == "labels" and labels["mountPath"] == "/data" and labels["subPath"] == "idr5"
    assert [each["mountPath"] for each in pod(documents, "RunSettings")["pvcMount"]] == ["/data", "/models"]
    assert "pvcMount" not in pod(documents, "FoldTrainer-0")
    (secret,) = pod(documents, "Pusher")["secretAsEnv"]
    assert secret["keyToEnv"] == [{"secretKey": "access", "envVar": "AWS_ACCESS_KEY_ID"}]
    assert "secretAsEnv" not in pod(documents, "Trainer")
    assert pod(documents, "Trainer")["secretAsVolume"][0]["mountPath"] == "/keys"


def test_machines_are_chosen_by_label_and_toleration(documents):
    trainer = pod(documents, "Trainer")
    assert trainer["nodeSelector"]["labels"] == {"pool": "gpu"}
    assert trainer["tolerations"] == [{"key": "gpu", "operator": "Exists", "effect": "NoSchedule"}]
    assert trainer["imagePullSecret"][0]["secretName"] == "registry"
    assert trainer["imagePullPolicy"] == "IfNotPresent"
    assert "nodeSelector" not in pod(documents, "Transform")


def test_the_user_interface_knows_the_types_of_what_it_shows(documents):
    outputs = documents[0]["components"]["KubeflowReport"]["outputDefinitions"]["artifacts"]
    kinds = {name: found["artifactType"]["schemaTitle"] for name, found in outputs.items()}
    assert kinds == {
        "page": "system.HTML",
        "metrics": "system.Metrics",
        "confusion_matrix": "system.ClassificationMetrics",
        "roc": "system.ClassificationMetrics",
    }
    assert all(found["artifactType"]["schemaVersion"] == "0.0.1" for found in outputs.values())


@pytest.mark.parametrize(
    ("tables", "present", "absent"),
    [
        ({"train": {"epochs": 0}}, "Trainer", "FeatureExtractor"),
        ({"cross_validation": {"publish": "ensemble", "phases": "all"}}, "FoldExporter", "Trainer"),
        ({"cross_validation": {"publish": "retrained"}}, "HeldOutReference", "InfraValidator"),
        ({"serving": {"validator": "none"}, "kubeflow": {}}, "Pusher", "ServingValidator"),
    ],
)
def test_every_kind_of_pipeline_compiles(tables, present, absent):
    documents = compile_pipeline(Settings.model_validate(TABLES | tables), IMAGE)
    tasks = documents[0]["root"]["dag"]["tasks"]
    assert present in tasks and absent not in tasks
    assert len(documents) == (1 if tables.get("kubeflow") == {} else 2)
