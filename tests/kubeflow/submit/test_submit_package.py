import re

import pytest
from kfp_package import DEFAULTS, NODES, YAML, write_package

from kubeflow.images import names_no_version
from kubeflow.submit.arguments import run_arguments
from kubeflow.submit.errors import SubmitError
from kubeflow.submit.package import LARGEST_ARGUMENT, read_package
from kubeflow.submit.version import version_name, without_cache


def test_a_compiled_pipeline(tmp_path):
    package = read_package(write_package(tmp_path))
    assert package.name == "galaxies" and package.root == ""
    assert package.tasks == NODES  # by dependence, though the file has them in another order
    assert set(package.parameters) == set(DEFAULTS)
    assert package.images == ("registry.example/galmorph:1.0",)


def test_what_kfps_own_compiler_writes(tmp_path):
    from kfp import compiler, dsl

    @dsl.container_component
    def ingest(stamps: str, bands: list, out: dsl.OutputPath(str)):  # type: ignore[valid-type]
        return dsl.ContainerSpec(image="registry.example/galmorph", command=["ingest"], args=[stamps, out])

    @dsl.container_component
    def train(epochs: int, path: str):
        return dsl.ContainerSpec(image="registry.example/galmorph:latest", command=["train"], args=[path])

    @dsl.pipeline(name="compiled")
    def pipeline(epochs: int = 12, stamps: str = "s3://b/{name}.fits", bands: list = ["I", "R"]):  # noqa: B006
        train(epochs=epochs, path=ingest(stamps=stamps, bands=bands).output)

    path = tmp_path / "compiled.yaml"
    compiler.Compiler().compile(pipeline, str(path))
    package = read_package(path)
    assert package.tasks == ("ingest", "train")
    arguments = run_arguments(package, ["bands=G"])
    assert arguments == {"bands": ["G"], "epochs": 12, "stamps": "s3://b/{name}.fits"}
    assert isinstance(arguments["epochs"], int)
    assert package.images == ("registry.example/galmorph", "registry.example/galmorph:latest")


@pytest.mark.parametrize(
    ("image", "moves"),
    [
        ("galmorph", True),
        ("registry.example:5000/galmorph", True),
        ("registry.example:5000/galmorph:1.0", False),
        ("galmorph@sha256:" + "0" * 64, False),
        ("galmorph:latest", True),
    ],
)
def test_images_that_name_no_version(image, moves):
    assert names_no_version(image) is moves


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "empty"),
        ("a: 1\nb: ]", "line 2"),
        ("- 1\n- 2\n", "no compiled pipeline"),
        ("kind: Workflow\nspec: {}\n", "Argo"),
        ("implementation: {container: {}}\n", "component"),
        ("pipelineInfo: {name: x}\n", "root"),
        (YAML.replace("pipelineInfo: {name: galaxies}\n", ""), "pipelineInfo"),
        (YAML.replace("dependentTasks: [Pusher]", "dependentTask: [Pusher]"), "dependentTask"),
        (YAML.replace("dependentTasks: [RunSettings]", "dependentTasks: [PublicationGate]"), "circle"),
        (YAML.replace("command: [python]", f"command: [{'x' * 2**17}]"), "container of exec-"),
        (YAML.replace("platforms:", "platform:"), "platform"),
        (YAML.replace("dependentTasks: [Pusher]", "dependentTasks: Pusher"), "dependentTasks"),
        ("pipelineInfo: {name: x}\nroot: {dag: []}", "root"),
        ("pipelineInfo: {name: x}\nroot: {dag: {tasks: [1]}}", "tasks"),
    ],
)
def test_what_is_no_compiled_pipeline(tmp_path, text, said):
    path = tmp_path / "pipeline.yaml"
    path.write_text(text)
    with pytest.raises(SubmitError, match=re.escape(said)) as caught:
        read_package(path)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 600


def test_parts_of_a_file_may_be_empty(tmp_path):
    path = tmp_path / "pipeline.yaml"
    path.write_text("pipelineInfo: {name: x}\nroot: {dag: {tasks: }, inputDefinitions: }\ncomponents:\n")
    package = read_package(path)
    assert (package.tasks, package.parameters) == ((), {})


def test_files_that_cannot_be_read(tmp_path):
    for path in (tmp_path / "no.yaml", tmp_path, tmp_path / "pipeline.json"):
        with pytest.raises(SubmitError, match=re.escape(str(path))):
            read_package(path)
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "folder.yaml").mkdir()
    for name in ("binary.yaml", "folder.yaml"):
        with pytest.raises(SubmitError, match=name):
            read_package(tmp_path / name)


def test_defaults_are_always_passed(tmp_path):
    package = read_package(write_package(tmp_path))
    assert run_arguments(package, []) == DEFAULTS
    given = [
        "labels=s3://b/a=b.csv",
        "epochs=3",
        "min_accuracy=1",
        "baseline=True",
        "settings=train.batch_size=16",
        "settings=image.cut=96",
        'more={"a": [1, null]}',
    ]
    assert run_arguments(package, given) == {
        "labels": "s3://b/a=b.csv",
        "epochs": 3,
        "min_accuracy": 1,
        "baseline": True,
        "settings": ["train.batch_size=16", "image.cut=96"],
        "more": {"a": [1, None]},
    }
    assert run_arguments(package, ['settings=["a", 2]'])["settings"] == ["a", 2]
    assert run_arguments(package, ["labels="])["labels"] == ""


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["epohs=3"], "did you mean epochs?"),
        (["zzz=3"], "it has baseline, epochs, labels"),
        (["epochs"], "key=value"),
        (["=3"], "key=value"),
        (["epochs=3.5"], "whole number"),
        (["epochs=3.0"], "whole number"),
        (["epochs=three"], "whole number"),
        (["epochs=true"], "whole number"),
        (["epochs="], "whole number"),
        (["epochs=99999999999999999"], "whole number"),
        (["min_accuracy=high"], "a number"),
        (["min_accuracy=NaN"], "a number"),
        (["min_accuracy=1e999"], "a number"),
        (["baseline=1"], "true or false"),
        (["baseline=yes"], "true or false"),
        (["settings=[1"], "list in JSON"),
        (["more=[]"], "object in JSON"),
        (["epochs=1", "epochs=2"], "twice"),
        ([f"labels={'x' * LARGEST_ARGUMENT}"], "131,071"),
        ([f"labels={'x' * 70000}", f'more={{"a": "{"x" * 70000}"}}'], "together"),
    ],
)
def test_parameters_that_are_refused(tmp_path, given, said):
    package = read_package(write_package(tmp_path))
    with pytest.raises(SubmitError, match=re.escape(said)) as caught:
        run_arguments(package, given)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 300


def test_further_keys_of_the_configuration(tmp_path):
    """As `galmorph kubeflow compile` writes them: a text with one key a line."""
    package = read_package(
        write_package(
            tmp_path,
            "settings: {parameterType: LIST, defaultValue: [], isOptional: true}",
            "settings: {parameterType: STRING, defaultValue: '', isOptional: true}",
        )
    )
    assert run_arguments(package, [])["settings"] == ""
    given = ["settings=train.batch_size=16", "settings=image.rgb=ZRG\ngate.min_auc = 0.9"]
    assert run_arguments(package, given)["settings"] == (
        "train.batch_size=16\nimage.rgb=ZRG\ngate.min_auc = 0.9"
    )
    for bad in ("batch_size=16", "train.batch_size", "[1]"):
        with pytest.raises(SubmitError, match=r"section\.key=value"):
            run_arguments(package, [f"settings={bad}"])


def test_parameters_without_a_default(tmp_path):
    must = write_package(
        tmp_path,
        "epochs: {parameterType: NUMBER_INTEGER, defaultValue: 12.0, isOptional: true}",
        "epochs: {parameterType: NUMBER_INTEGER}",
    )
    with pytest.raises(SubmitError, match="--param epochs="):
        run_arguments(read_package(must), [])
    assert run_arguments(read_package(must), ["epochs=4"])["epochs"] == 4
    may = write_package(tmp_path, "defaultValue: 12.0, isOptional: true}", "isOptional: true}")
    assert "epochs" not in run_arguments(read_package(may), [])
    bad = write_package(tmp_path, "defaultValue: 12.0", "defaultValue: 12.5")
    with pytest.raises(SubmitError, match="default of epochs"):
        run_arguments(read_package(bad), [])


def test_versions_of_a_pipeline(tmp_path):
    import yaml

    path = write_package(tmp_path)
    (tmp_path / "copy").mkdir()
    copy = without_cache(path, tmp_path / "copy")
    assert version_name(path) == version_name(write_package(tmp_path)) != version_name(copy)
    one, two = (list(yaml.safe_load_all(file.read_text())) for file in (path, copy))
    tasks = two[0]["root"]["dag"]["tasks"]
    assert all(task["cachingOptions"] == {} for task in tasks.values()) and len(tasks) == 4
    for spec in (one[0], two[0]):
        for task in spec["root"]["dag"]["tasks"].values():
            task.pop("cachingOptions", None)
    assert one == two
    assert read_package(copy).tasks == NODES
