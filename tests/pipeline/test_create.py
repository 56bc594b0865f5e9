"""The graph of the pipeline, without running it."""

import json
import re

import pytest
from tfx.dsl.components.base.base_driver import BaseDriver
from tfx.dsl.components.common.importer import Importer
from tfx.types.standard_artifacts import Model

from kubeflow.create import create_kubeflow_pipeline
from kubeflow.names import RUN_SETTINGS
from pipeline.config import Settings, load_settings
from pipeline.create import (
    Place,
    create_cross_validation,
    create_pipeline,
    create_training,
)
from pipeline.fingerprint import NODE_CODE, code_fingerprint
from pipeline.local_runner import local_place

FOLDS = [f"FoldTrainer-{fold}" for fold in range(5)]
TRAINERS = {"HeadTrainer", "Trainer"}
TOLD = {"ModelCard", "MorphologyReport"}
"""The nodes that depend on the whole configuration."""
TABLES = {
    "pipeline": {"root": "/root"},
    "data": {"labels": "/labels.csv", "stamps": "/{band}/{name}.fits"},
    "push": {"directory": "/models"},
}


def pipeline(fingerprint: str = "f", place: dict | None = None, **tables):
    settings = Settings.model_validate(TABLES | tables)
    where = {"root": "/root", "beam_args": ["--runner=DirectRunner"]}
    return create_pipeline(settings, fingerprint, Place(**where | (place or {})))


def parameters(**changes) -> dict[str, str]:
    """Execution properties of every node. With its inputs, they determine a cache hit."""
    nodes = pipeline(**changes).components
    return {node.id: json.dumps(node.exec_properties, sort_keys=True, default=str) for node in nodes}


def changed(**changes) -> set[str]:
    before, after = parameters(), parameters(**changes)
    return {node for node in before if before[node] != after[node]}


def test_the_nodes_come_in_the_order_of_the_data_and_kubeflow_takes_their_names():
    nodes = pipeline().components
    names = [node.id for node in nodes]
    expected = ["FitsExampleGen", "StatisticsGen", "ExampleValidator", "AnomalyGate", "Transform"]
    expected += ["PictureGate"]
    expected += ["FeatureExtractor", *FOLDS, "HeadTrainer", "CrossValidation", "Trainer"]
    expected += ["IncumbentResolver", "PredictionGen", "IncumbentPredictionGen", "Evaluator"]
    expected += ["ServingValidator", "ModelCard", "Pusher", "MorphologyReport"]
    assert [name for name in names if name != "ExampleSchema"] == expected
    assert all(re.fullmatch("[A-Za-z0-9-]+", name) for name in names)
    assert pipeline().enable_cache


def test_transform_waits_for_the_gate():
    nodes = {node.id: node for node in pipeline().components}
    assert nodes["AnomalyGate"] in nodes["Transform"].upstream_nodes


def test_kubeflow_gets_neither_resolver_nor_drivers():
    importer = Importer("/models/1", artifact_type=Model)
    nodes = pipeline(place={"incumbent": importer.outputs["result"]}).components
    assert "IncumbentResolver" not in {node.id for node in nodes}
    assert {node.driver_class for node in nodes} == {BaseDriver}


def written(folder, overrides=()) -> dict[str, str]:
    """Parameters of every node of a configuration file."""
    (folder / "galmorph.toml").write_text(PLAIN)
    settings = load_settings(folder / "galmorph.toml", overrides)
    nodes = create_pipeline(settings, "f", local_place(settings, folder / "run")).components
    return {node.id: json.dumps(node.exec_properties, sort_keys=True, default=str) for node in nodes}


PLAIN = """
pipeline.root = "run"
data = {labels = "l.csv", stamps = "s/{name}/{band}"}
push.directory = "m"
"""


@pytest.mark.parametrize(
    ("spellings", "told"),
    [
        (("image.rgb = irg", "image.rgb = IRG", "image.rgb = I,R,G", 'image.rgb = ["I", "R", "G"]'), set()),
        (('image.rgb = "R660G"', 'image.rgb = "r-f660-g"', 'image.rgb = ["R", "J0660", "G"]'), set()),
        (('data.bands = ["U", "I", "R", "G"]', 'data.bands = ["g", "r", "i", "u"]'), set()),
        (("", 'data.bands = ["I", "R", "G"]', "data.stamp_size = 128"), TOLD),
        (('data.exclude = ["a", "b"]', 'data.exclude = ["./b", "x/../a", "a"]'), set()),
        (("image.minimum = 0", "image.minimum = -0.0", "image.minimum = [0, 0.0, 0]"), set()),
        (("image.stretch = 5", "image.stretch = 5.0", "image.stretch = 0.5e1"), set()),
        (("", "data.flux_factors = {F660 = 1}", "data.flux_factors = {J0660 = 1.0}"), set()),
        (("data.flux_factors = {G = 2, I = 3}", "data.flux_factors = {I = 3.0, g = 2.0}"), set()),
        (('data.stamps = "s/{name}/{band}"', 'data.stamps = "./s//{name}/{band}"'), set()),
        (('train.augment = ["zoom", "flips"]', 'train.augment = ["flips", "zoom"]'), set()),
        (("", 'cross_validation.phases = "head"'), TOLD),
    ],
)  # fmt: skip
def test_settings_that_mean_the_same_are_the_same(tmp_path, spellings, told):
    def of(spelling: str) -> dict[str, str]:
        key, _, value = spelling.partition(" = ")
        nodes = written(tmp_path, overrides=[f"{key}={value}"] if key else [])
        return {node: found for node, found in nodes.items() if node not in told}

    first, *others = map(of, spellings)
    assert all(other == first for other in others)


@pytest.mark.parametrize(
    ("change", "nodes"),
    [
        ({"fingerprint": "g"}, {"FitsExampleGen"}),
        ({"split": {"seed": 3}}, {"FitsExampleGen"}),
        ({"image": {"stretch": 5.0}}, {"Transform", "FeatureExtractor", *FOLDS, *TRAINERS}),
        ({"image": {"cut": 96}}, {"FitsExampleGen", "Transform", "FeatureExtractor", *FOLDS, *TRAINERS}),
        ({"train": {"learning_rate": 0.01}}, {*FOLDS, *TRAINERS}),
        ({"train": {"views": 1}}, {"FeatureExtractor", *FOLDS, *TRAINERS}),
        ({"cross_validation": {"publish": "retrained"}}, TRAINERS),
        ({"model": {"calibration": "temperature"}}, {"Trainer"}),
        ({"decision": {"uncertain": (0.2, 0.8)}}, {"Trainer"}),
        ({"decision": {"precision": 0.95}}, set()),
        ({"gate": {"min_auc": 0.5}}, {"Evaluator"}),
        ({"serving": {"timeout": 60}}, {"ServingValidator"}),
    ],
)
def test_a_change_touches_only_what_depends_on_it(change, nodes):
    assert changed(**change) - TOLD == nodes


def test_card_and_report_depend_on_every_table_except_for_paths():
    assert changed(gate={"min_auc": 0.5}) >= TOLD
    assert not changed(push={"directory": "/models"})


def test_temperature_scaling_does_not_train_folds_again():
    ensemble = {"cross_validation": {"publish": "ensemble", "phases": "all"}}
    before = parameters(**ensemble)
    after = parameters(**ensemble, model={"calibration": "temperature"})
    assert {node for node in before if before[node] != after[node]} - TOLD == {"FoldExporter"}


def ids(make=create_pipeline, **tables) -> list[str]:
    settings = Settings.model_validate(TABLES | tables)
    return [node.id for node in make(settings, "f", Place("/root", ["--runner=DirectRunner"])).components]


def test_the_setting_publish_determines_the_node_of_the_candidate():
    made_by = {
        "single": TRAINERS,
        "retrained": TRAINERS,
        "ensemble": {"FoldExporter"},
        "best_fold": {"FoldExporter"},
    }
    for publish, nodes in made_by.items():
        asked = {"publish": publish, "phases": "all"}
        assert {*ids(cross_validation=asked)} & {*TRAINERS, "FoldExporter"} == nodes


def test_phases_that_are_left_out_have_no_nodes():
    assert not {"FeatureExtractor", "HeadTrainer"} & {*ids(train={"epochs": 0})}
    assert not {"CrossValidation", *FOLDS} & {*ids(cross_validation={"phases": "none"})}
    assert [name for name in ids(split={"folds": 3}) if name.startswith("FoldTrainer")] == FOLDS[:3]


def test_the_setting_validator_determines_what_the_pusher_waits_for():
    nodes = {}
    for validator in ("process", "docker", "none"):
        made = {node.id: node for node in pipeline(serving={"validator": validator}).components}
        blessing = made["Pusher"].inputs.get("infra_blessing")
        nodes[validator] = (
            {*made} & {"ServingValidator", "InfraValidator"},
            blessing and blessing.producer_component_id,
        )
        if validator == "docker":
            spec = json.loads(made["InfraValidator"].exec_properties["serving_spec"])
            assert spec["tensorflow_serving"] == {"tags": ["2.20.0"]} and "local_docker" in spec
            assert made["Evaluator"] in made["InfraValidator"].upstream_nodes
    assert nodes == {
        "process": ({"ServingValidator"}, "ServingValidator"),
        "docker": ({"InfraValidator"}, "InfraValidator"),
        "none": (set(), None),
    }


def test_a_sweep_ends_with_the_folds_and_pretraining_with_the_network():
    assert ids(create_cross_validation)[-2:] == [FOLDS[-1], "CrossValidation"]
    assert ids(create_training)[-2:] == ["HeadTrainer", "Trainer"] and not {*FOLDS} & {*ids(create_training)}


def test_features_do_not_depend_on_settings_of_the_head():
    before, after = ({**parameters(**change)}["FeatureExtractor"] for change in ({}, {"train": {"seed": 5}}))
    assert before == after, "learned weights have no seed"
    random = {"backbone": "EfficientNetB0", "weights": "none"}
    seeds = [parameters(model=random, train={"seed": seed})["FeatureExtractor"] for seed in (0, 1)]
    assert seeds[0] != seeds[1]


def code_of(node) -> str | None:
    """The fingerprint among a node's parameters."""
    parameters = node.exec_properties
    return parameters.get("code") or json.loads(parameters.get("custom_config") or "{}").get("code")


def test_every_node_that_runs_our_code_has_the_fingerprint_of_the_modules_that_it_loads():
    folds = {"cross_validation": {"publish": "ensemble", "phases": "all"}}
    retrained = {"cross_validation": {"publish": "retrained"}}
    made = (pipeline(), pipeline(**folds), pipeline(**retrained))
    nodes = {node.id: node for each in made for node in each.components}
    # Those that exist on Kubeflow only; the others get placeholders there.
    cluster = create_kubeflow_pipeline(Settings.model_validate(TABLES)).components
    nodes |= {node.id: node for node in cluster if node.id not in nodes and node.id != RUN_SETTINGS}
    codes = {
        node: code_fingerprint(node.partition("-")[0])
        for node in nodes
        if node.partition("-")[0] in NODE_CODE
    }
    assert {node: code for node in nodes if (code := code_of(nodes[node]))} == codes
    assert {node.partition("-")[0] for node in codes} == set(NODE_CODE)
    theirs = {"StatisticsGen", "ExampleValidator", "IncumbentResolver"}
    assert set(nodes) - set(codes) == theirs
    for node in codes:
        executor = nodes[node].executor_spec.executor_class.__module__
        known = NODE_CODE[node.partition("-")[0]]
        assert executor.startswith("tfx.") or executor in known
        if (function := nodes[node].exec_properties.get("run_fn")) or (
            function := nodes[node].exec_properties.get("preprocessing_fn")
        ):
            assert function.rpartition(".")[0] in known
