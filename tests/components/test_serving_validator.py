"""The component: galaxies of the run in, TFX's blessing and ``serving.json`` out."""

import json
import shutil
from pathlib import Path

import pytest
from raw_examples import stamp, write_raw
from tfx.components.util.model_utils import is_infra_validated
from tfx.types.standard_artifacts import Examples, InfraBlessing, Model, ModelBlessing
from tried_models import export

from components.artifacts import Predictions
from components.prediction_gen.classify import classify_examples
from components.serving_validator.component import ServingValidator
from serving.model_server import BINARY_VARIABLE
from serving.validation.result import read_trial


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> dict:
    """What the nodes before leave."""
    folder = tmp_path_factory.mktemp("run")
    artifacts = {"examples": Examples(), "model": Model(), "predictions": Predictions()}
    for role, artifact in artifacts.items():
        artifact.uri = str(folder / role)
        Path(artifact.uri).mkdir()
    model = export(folder / "model/Format-Serving")
    artifacts["examples"].split_names = json.dumps(["train", "test"])
    files = {}
    for split, names in (("train", "abcdefgh"), ("test", "uvwxyz")):
        place = folder / "examples" / f"Split-{split}"
        place.mkdir()
        galaxies = {name: stamp(ord(name), side=44) for name in names}
        files[split] = [write_raw(place / "data", galaxies)]
    flux = {"background": "none", "zero_points": "none", "reference_zero_point": 22.5, "flux_factors": {}}
    classify_examples(folder / "predictions", str(model), files, "IRG", flux)
    return artifacts


def run(made: dict, folder: Path, monkeypatch, blessed: bool = True, timeout: int = 300, **changed):
    """Run the executor as TFX does; return the blessing and the content of ``serving.json``."""
    monkeypatch.delenv(BINARY_VARIABLE, raising=False)
    monkeypatch.setattr("serving.validation.latency.ENOUGH_SECONDS", 0.1)
    judged, blessing = ModelBlessing(), InfraBlessing()
    judged.set_int_custom_property("blessed", int(blessed))
    blessing.uri = str(folder / "blessing")
    inputs = {role: [artifact] for role, artifact in {**made, **changed, "model_blessing": judged}.items()}
    ServingValidator.EXECUTOR_SPEC.executor_class().Do(
        inputs, {"blessing": [blessing]}, {"timeout": timeout, "code": "0"}
    )
    return blessing, json.loads((folder / "blessing/serving.json").read_text())


def test_a_good_model_is_blessed(made, tmp_path, monkeypatch):
    blessing, trial = run(made, tmp_path, monkeypatch)
    assert is_infra_validated(blessing) and (tmp_path / "blessing/INFRA_BLESSED").is_file()
    assert trial["blessed"] and trial["compared"]["serving_default"] == 14
    assert read_trial(tmp_path / "blessing", True) == trial


def test_a_model_that_was_evaluated_with_other_weights_is_not(made, tmp_path, monkeypatch):
    other = Model()
    other.uri = str(tmp_path / "other")
    export(tmp_path / "other/Format-Serving", seed=5)
    blessing, trial = run(made, tmp_path, monkeypatch, model=other)
    assert not is_infra_validated(blessing) and (tmp_path / "blessing/INFRA_NOT_BLESSED").is_file()
    assert not (tmp_path / "blessing/INFRA_BLESSED").exists()
    # The test split comes first.
    assert any(f" for {name} and the evaluation " in trial["reasons"][0] for name in "uvwxyzabcdefgh")


def test_a_damaged_model_is_not(made, tmp_path, monkeypatch):
    broken = Model()
    broken.uri = str(tmp_path / "broken")
    path = shutil.copytree(Path(made["model"].uri), tmp_path / "broken") / "Format-Serving/saved_model.pb"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    blessing, trial = run(made, tmp_path, monkeypatch, model=broken)
    assert not is_infra_validated(blessing) and trial["reasons"][0].startswith("the model does not load")


def test_a_model_that_the_gate_refused_is_not_tried(made, tmp_path, monkeypatch):
    monkeypatch.setattr("components.serving_validator.component.validate", lambda *_: pytest.fail("tried"))
    blessing, trial = run(made, tmp_path, monkeypatch, blessed=False)
    assert not is_infra_validated(blessing) and (tmp_path / "blessing/INFRA_NOT_BLESSED").is_file()
    assert trial["skipped"] == "the gate refused the model" and trial["reasons"] == []


def test_the_record_of_tfxs_own_validator_has_a_reason(tmp_path):
    assert read_trial(tmp_path, True)["blessed"] and read_trial(tmp_path, True)["server"] == "docker"
    (reason,) = read_trial(tmp_path, False)["reasons"]
    assert "TF Serving did not load the model" in reason
