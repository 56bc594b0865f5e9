"""The whole pipeline through compiler, driver and launcher of Kubeflow Pipelines, as three runs."""

import json
import math
import re
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from kubeflow_runs import Kubeflow, KubeflowRun, command_of, parameters_of, require_tools
from whole_runs import CONFIG, galmorph, report, simulated_survey

pytestmark = [pytest.mark.slow, pytest.mark.kubeflow]

CLUSTER = """
[[kubeflow.volumes]]
claim = "survey"
mount = "{folder}"
[[kubeflow.secrets]]
name = "keys"
env = {{access = "KEY_OF_THE_STORE"}}
[kubeflow.pods.Trainer]
cpu = "4"
memory = "16Gi"
gpu = 1
node_selector = {{pool = "gpu"}}
"""
TIMES_AND_PATHS = r"seconds$|^pushed_to$|^serving\.(latency|peak_memory)|^nodes"
"""Of the numbers of a run. On Kubeflow a report has no costs of the nodes: the platform shows them."""

# Fewer folds, and no phase for the head: each node takes ten seconds to load TFX.
QUICK = CONFIG.replace("epochs = 3\n", "epochs = 0\n", 1).replace("[split]\n", "[split]\nfolds = 2\n")


@pytest.fixture(scope="module")
def kubeflow(tmp_path_factory):
    require_tools()
    services = Kubeflow(tmp_path_factory.mktemp("kfp"))
    services.start()
    yield services
    services.stop()


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("galmorph")
    simulated_survey(folder, QUICK + CLUSTER.format(folder=folder))
    return folder


@pytest.fixture(scope="module")
def compiled(kubeflow, folder) -> Path:
    output = folder / "pipeline.yaml"
    result = galmorph("kubeflow", "compile", folder / "galmorph.toml", "--image", "r/g:1", "--output", output)
    assert result.returncode == 0, result.stderr
    return output


@pytest.fixture(scope="module")
def first(kubeflow, compiled) -> KubeflowRun:
    run = kubeflow.run(compiled, "minio://mlpipeline/root")
    assert run.status == 0, run.output
    return run


def test_every_node_runs_and_the_model_is_published(first, folder):
    assert {"RunSettings", "FoldTrainer-0", "FoldTrainer-1", "Pusher", "PublicationGate"} <= first.executed
    assert not first.cached
    (version,) = (folder / "models").iterdir()
    assert version.name == "1" and (version / "saved_model.pb").is_file()


def test_the_numbers_are_those_of_a_run_on_this_machine(first, kubeflow, folder):
    result = galmorph("run", folder / "galmorph.toml", "--set", f"push.directory={folder / 'elsewhere'}")
    assert result.returncode == 0, result.stderr
    key = kubeflow.artifacts(first)["MorphologyReport/report/metrics.json"]
    ours, theirs = json.loads(kubeflow.read(key)), report(folder, "metrics.json")
    different = [place for place in differing(ours, theirs) if not re.search(TIMES_AND_PATHS, place)]
    assert not different
    assert ours["test"]["n"] > 0 and ours["pushed_version"] == "1"


def test_the_user_interface_gets_page_and_metrics(first, kubeflow):
    artifacts = kubeflow.artifacts(first)
    page = kubeflow.read(artifacts["KubeflowReport/page"]).decode()
    assert page.lower().startswith("<!doctype html>") and "<svg" in page
    output = (first.pod("KubeflowReport") / "log").read_text()
    assert '"confusionMatrix"' in output and '"confidenceMetrics"' in output


def test_pods_get_volumes_secrets_and_accelerators(first, folder):
    trainer = command_of(first, "Trainer")["patch"]
    assert trainer["resources"]["limits"] == {"cpu": "4", "memory": "16Gi", "nvidia.com/gpu": "1"}
    assert trainer["image"] == "r/g:1"
    settings = command_of(first, "RunSettings")["patch"]
    assert str(folder) in {mount["mountPath"] for mount in settings["volumeMounts"]}
    assert not trainer.get("volumeMounts") or str(folder) not in str(trainer["volumeMounts"])
    assert "KEY_OF_THE_STORE" in {each["name"] for each in settings["env"]}
    assert "KEY_OF_THE_STORE" not in {each["name"] for each in trainer.get("env", [])}


def test_a_second_run_executes_only_the_first_node(first, kubeflow, compiled, folder):
    second = kubeflow.run(compiled, "minio://mlpipeline/root")
    assert second.status == 0
    assert second.executed == {"RunSettings"} and second.cached == first.executed - {"RunSettings"}
    assert [path.name for path in (folder / "models").iterdir()] == ["1"]


def test_a_changed_stamp_is_no_hit_and_a_refused_model_is_not_published(first, kubeflow, compiled, folder):
    stamp = min((folder / "survey/I_stamps").iterdir())
    with fits.open(stamp, mode="update") as opened:
        opened[0].data = opened[0].data[::-1].copy()
    refused = kubeflow.run(compiled, "s3://mlpipeline/other", settings="gate.min_galaxies=1000")
    assert refused.status == 1
    # Artifacts of another kind of store cannot be read, so nothing is a hit.
    assert refused.executed == first.executed and not refused.cached
    before, after = (parameters_of(run, "FitsExampleGen")["fingerprint"] for run in (first, refused))
    assert before != after, "the parameters are the key of the cache"
    log = (refused.pod("PublicationGate") / "log").read_text()
    assert "galmorph: the model is not good enough, nothing was pushed: " in log
    assert "exit status 3" in log
    assert [path.name for path in (folder / "models").iterdir()] == ["1"]
    verdict = json.loads(kubeflow.read(kubeflow.artifacts(refused)["Evaluator/evaluation/gate.json"]))
    assert not verdict["blessed"]
    assert verdict["published"] is not None, "the model of the first run is the one to beat"


def differing(ours, theirs, place: str = ""):
    """Yield the places where two JSON documents differ by more than 1e-6."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key in ours.keys() | theirs.keys():
            yield from differing(ours.get(key), theirs.get(key), f"{place}.{key}".lstrip("."))
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for number, pair in enumerate(zip(ours, theirs, strict=True)):
            yield from differing(*pair, f"{place}[{number}]")
    elif isinstance(ours, float) and isinstance(theirs, float):
        if not math.isclose(ours, theirs, rel_tol=1e-6, abs_tol=1e-6) and not np.isnan([ours, theirs]).all():
            yield place
    elif ours != theirs:
        yield place
