"""What the launcher hands over and takes back. The JSON here was recorded from driver and launcher 2.16.1."""

import copy
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubeflow.entrypoint import class_path, prepare
from kubeflow.rewriting import (
    MOUNTS,
    local_path,
    plain_metadata,
    remote_uri,
    to_local,
    to_remote,
    with_classes,
    with_types,
    without_logs,
)

ROOT = "minio://mlpipeline/root/galmorph/0c72"
INPUT = {
    "inputs": {
        "artifacts": {
            "model": {
                "artifacts": [
                    {
                        "name": "53",
                        "type": {"instanceSchema": ""},
                        "uri": f"{ROOT}/Trainer/40b8/model",
                        "metadata": {
                            "display_name": "model",
                            "store_session_info": '{"Provider":"minio","Params":{"region":"us-east-1"}}',
                            "tfx_version": "1.21.0",
                            "current_model": f"{ROOT}/Trainer/40b8/model",
                            "thresholds": {"list": [0.25, 0.75]},
                            "gate": {"struct": {"min_auc": 0.98}},
                            "pushed_destination": "s3://survey/models/3",
                            "blessed": 1,
                        },
                    }
                ]
            },
            "card": {"artifacts": [{"name": "64", "uri": f"{ROOT}/ModelCard/e5b6/card"}]},
        },
        "parameterValues": {"code": "b16a", "directory": "s3://survey/models"},
    },
    "outputs": {
        "artifacts": {
            "executor-logs": {
                "artifacts": [
                    {
                        "name": "executor-logs",
                        "type": {"schemaTitle": "system.Artifact"},
                        "uri": f"{ROOT}/Pusher/85d1/executor-logs",
                    }
                ]
            },
            "pushed_model": {
                "artifacts": [
                    {
                        "name": "pushed_model",
                        "type": {"instanceSchema": "title: tfx.PushedModel\ntype: object\n"},
                        "uri": f"{ROOT}/Pusher/85d1/pushed_model",
                    }
                ]
            },
            "page": {
                "artifacts": [
                    {
                        "name": "page",
                        "type": {"schemaTitle": "system.HTML"},
                        "uri": f"{ROOT}/Pusher/85d1/page",
                    }
                ]
            },
        },
        "outputFile": "/tmp/kfp/outputs/output_metadata.json",
    },
}
SPEC = {
    "artifacts": {
        "model": {"artifactType": {"instanceSchema": "title: tfx.Model\ntype: object\n"}},
        "card": {"artifactType": {"instanceSchema": "title: galmorph.ModelCard\ntype: object\n"}},
    },
    "parameters": {"code": {"parameterType": "STRING"}},
}


def of(executor_input, side: str, name: str) -> dict:
    (artifact,) = executor_input[side]["artifacts"][name]["artifacts"]
    return artifact


@pytest.mark.parametrize("name", ["executor-logs", "executor-logs-0", "executor-logs0", "executor-logs-12"])
def test_the_logs_are_no_output(name):
    outputs = {"artifacts": {name: {"artifacts": []}, "executor-logs-model": {"artifacts": []}}}
    assert list(without_logs({"outputs": outputs})["outputs"]["artifacts"]) == ["executor-logs-model"]


def test_empty_types_are_those_of_the_node():
    typed = with_types(INPUT, SPEC)
    assert of(typed, "inputs", "model")["type"] == SPEC["artifacts"]["model"]["artifactType"]
    assert of(typed, "inputs", "card")["type"] == SPEC["artifacts"]["card"]["artifactType"]
    known = {"schemaTitle": "system.Model"}
    given = {"inputs": {"artifacts": {"model": {"artifacts": [{"type": known, "uri": ""}]}}}}
    assert of(with_types(given, SPEC), "inputs", "model")["type"] == known


def test_classes_are_found_by_title():
    typed = with_classes(with_types(INPUT, SPEC), class_path)
    schemas = [of(typed, "inputs", name)["type"]["instanceSchema"] for name in ("model", "card")]
    assert schemas[0].splitlines()[0] == "title: tfx.Model"
    assert schemas[1] == "title: components.artifacts.ModelCard\ntype: object\n"
    assert of(typed, "outputs", "page")["type"] == {"schemaTitle": "kubeflow.nodes.artifacts.HTML"}


def test_paths_are_local_in_uris_and_metadata():
    model = of(to_local(INPUT), "inputs", "model")
    assert model["uri"] == "/minio/mlpipeline/root/galmorph/0c72/Trainer/40b8/model"
    assert model["metadata"]["current_model"] == model["uri"]
    assert of(to_local(INPUT), "outputs", "page")["uri"].startswith("/minio/mlpipeline/")
    assert to_local(INPUT)["outputs"]["outputFile"] == INPUT["outputs"]["outputFile"]
    # The launcher mounts no published model.
    assert model["metadata"]["pushed_destination"] == "s3://survey/models/3"
    assert to_local(INPUT)["inputs"]["parameterValues"] == INPUT["inputs"]["parameterValues"]


def test_metadata_are_as_the_node_wrote_them():
    assert of(plain_metadata(INPUT), "inputs", "model")["metadata"] == {
        "tfx_version": "1.21.0",
        "current_model": f"{ROOT}/Trainer/40b8/model",
        "thresholds": [0.25, 0.75],
        "gate": {"min_auc": 0.98},
        "pushed_destination": "s3://survey/models/3",
        "blessed": 1,
    }


def test_all_of_it_parses_as_tfx_parses_it_and_nothing_given_is_changed():
    from google.protobuf import json_format
    from kfp.pipeline_spec import pipeline_spec_pb2
    from tfx.orchestration.kubeflow.v2.container.kubeflow_v2_entrypoint_utils import parse_raw_artifact_dict

    before = copy.deepcopy(INPUT)
    prepared = prepare(INPUT, SPEC)
    assert before == INPUT
    parsed = json_format.Parse(json.dumps(prepared), pipeline_spec_pb2.ExecutorInput())
    inputs = parse_raw_artifact_dict(parsed.inputs.artifacts, {})
    outputs = parse_raw_artifact_dict(parsed.outputs.artifacts, {})
    assert inputs["card"][0].type_name == "galmorph.ModelCard" and inputs["model"][0].type_name == "Model"
    assert {name: found[0].type_name for name, found in outputs.items()} == {
        "pushed_model": "PushedModel",
        "page": "system.HTML",
    }
    assert inputs["model"][0].get_int_custom_property("blessed") == 1


def test_the_launcher_gets_the_uris_that_it_gave():
    written = {
        "artifacts": {
            "pushed_model": {
                "artifacts": [
                    {
                        "name": "projects/1",
                        "uri": "/minio/mlpipeline/root/galmorph/0c72/Pusher/85d1/pushed_model",
                        "metadata": {
                            "pushed": 1.0,
                            "nothing": None,
                            "model": "/minio/mlpipeline/root/galmorph/0c72/Trainer/40b8/model",
                            "pushed_destination": "/models/galmorph/1",
                        },
                    }
                ]
            }
        },
        "parameterValues": {"passed": 1.0},
    }
    output = to_remote(written, INPUT)
    assert output["parameterValues"] == {"passed": 1.0}
    assert of({"": output}, "", "pushed_model") == {
        "name": "pushed_model",
        "uri": f"{ROOT}/Pusher/85d1/pushed_model",
        "metadata": {
            "pushed": 1.0,
            "model": f"{ROOT}/Trainer/40b8/model",
            "pushed_destination": "/models/galmorph/1",
        },
    }


@given(st.sampled_from(list(MOUNTS)), st.from_regex(r"[a-z0-9.-]{3,20}/[\w/?=%é .-]*", fullmatch=True))
def test_a_uri_comes_back(scheme, rest):
    assert remote_uri(local_path(scheme + rest)) == scheme + rest
    assert local_path(scheme + rest).startswith("/")


@given(st.text())
def test_other_texts_are_unchanged(text):
    if not text.startswith((*MOUNTS, *MOUNTS.values())):
        assert local_path(text) == text == remote_uri(text)


@pytest.mark.parametrize("title", ["tfx.Model", "Model", "", "other.Name"])
def test_other_titles_are_unchanged(title):
    assert class_path(title) == title
