"""The command of the containers: what it hands to an executor, what it leaves, and how it ends."""

import json
from pathlib import Path

import pytest

from kubeflow.entrypoint import main

SPEC = {"parameters": {"count": {"parameterType": "NUMBER_INTEGER"}, "path": {"parameterType": "STRING"}}}


@pytest.fixture
def call(tmp_path):
    """Run the entry point with an executor of `container_executors`."""

    def run(executor: str, count: float = 3.0) -> tuple[int, dict | None]:
        page = {"name": "page", "type": {"schemaTitle": "system.HTML"}, "uri": str(tmp_path / "page")}
        logs = {"name": "executor-logs", "type": {"schemaTitle": "system.Artifact"}, "uri": "s3://b/logs"}
        output = tmp_path / "outputs" / "output_metadata.json"
        given = {
            "inputs": {"parameterValues": {"count": count, "path": "/data"}},
            "outputs": {
                "artifacts": {"page": {"artifacts": [page]}, "executor-logs": {"artifacts": [logs]}},
                "outputFile": str(output),
            },
        }
        arguments = ["--executor_class_path", f"container_executors.{executor}"]
        arguments += ["--json_serialized_invocation_args", json.dumps(given)]
        arguments += ["--json_serialized_inputs_spec_args", json.dumps(SPEC), "--runner=DirectRunner"]
        status = main(arguments)
        return status, json.loads(output.read_text()) if output.exists() else None

    return run


def test_an_executor_gets_its_parameters_and_the_launcher_its_output(call, tmp_path):
    status, output = call("Writes")
    assert status == 0
    assert Path(tmp_path / "page").read_text() == "3 /data"
    (page,) = output["artifacts"]["page"]["artifacts"]
    assert page["name"] == "page" and page["uri"] == str(tmp_path / "page")
    assert page["metadata"]["rows"] == [1, 2] and page["metadata"]["model"] == "minio://bucket/model"
    assert list(output["artifacts"]) == ["page"]


@pytest.mark.parametrize(
    ("executor", "status", "line", "traced"),
    [
        ("Refuses", 3, "galmorph: the model is not good enough", False),
        ("DislikesInput", 2, "galmorph: labels.csv: no rows at all", False),
        ("Breaks", 1, "galmorph: 'bug'", True),
    ],
)
def test_statuses_and_messages_are_those_of_a_run_on_this_machine(
    call, capsys, executor, status, line, traced
):
    assert call(executor) == (status, None)
    error = capsys.readouterr().err
    assert error.splitlines()[-1] == line
    assert ("Traceback" in error) == traced


def test_a_fraction_is_not_cut_off(call, capsys):
    assert call("Writes", count=3.7) == (2, None)
    assert capsys.readouterr().err.splitlines()[-1].endswith("count = 3.7 is not a whole number")


@pytest.mark.parametrize("arguments", [[], ["--help"], ["--json_serialized_invocation_args"]])
def test_who_starts_it_by_hand_is_told_what_it_is(arguments, capsys):
    assert main(arguments) == 2
    assert "command of containers" in capsys.readouterr().err
