"""`galmorph pretrain`: refusals and output files. The training itself is simulated."""

import json
from pathlib import Path

import pytest
from small_survey import exit_status, write_survey

from pipeline.child import Outcome
from trainer.recipe import BACKBONE_FILE


@pytest.fixture
def config(tmp_path, write_stamp):
    return write_survey(tmp_path, write_stamp)


@pytest.fixture
def pretrain(config, monkeypatch, capsys, tmp_path):
    """Pretrain on the labelled galaxies, in a training of a given best epoch; return status and output."""
    monkeypatch.setattr("pipeline.pretrain.check_weights", lambda settings: None)

    def run(out: Path, *overrides: str, best_epoch: int | None = None):
        def run_jobs(*_):
            assert best_epoch is not None, "a component would have run"
            model, model_run = tmp_path / "trained/model/extra", tmp_path / "trained/model_run"
            for folder in (model, model_run):
                folder.mkdir(parents=True, exist_ok=True)
            course = {"val_accuracy": [0.6, 0.8], "val_auc": [0.65, 0.85], "val_loss": [0.7, 0.41]}
            history = {**course, "best_epoch": [float(best_epoch)], "best_val_loss": [0.4]}
            (model / "galmorph.json").write_text(json.dumps({"history": {"network": history}}))
            (model_run / BACKBONE_FILE).write_text("weights")
            return [Outcome(outputs={"Trainer": {"model": str(model.parent), "model_run": str(model_run)}})]

        monkeypatch.setattr("pipeline.pretrain.run_jobs", run_jobs)
        sets = [word for override in overrides for word in ("--set", override)]
        status = exit_status(monkeypatch, "pretrain", config, out, "--labelled", *sets)
        return status, capsys.readouterr()

    return run


def refusal(answer) -> str:
    status, said = answer
    assert status == 2 and len(said.err.splitlines()) == 1
    return said.err


def test_a_network_that_would_not_be_trained(pretrain, tmp_path):
    line = refusal(pretrain(tmp_path / "p.weights.h5", "train.epochs=3", "train.fine_tune_epochs=0"))
    assert "[train] fine_tune_epochs = 0: must be above 0, since pretraining trains the network" in line


@pytest.mark.parametrize("folder", ["p.weights.h5", "p.weights.h5.json"])
def test_a_path_that_is_a_folder(pretrain, tmp_path, folder):
    (tmp_path / folder).mkdir()
    assert f"{tmp_path / folder} is a folder" in refusal(pretrain(tmp_path / "p.weights.h5"))


def test_a_folder_that_cannot_be_written(pretrain, tmp_path, monkeypatch):
    monkeypatch.setattr("os.access", lambda path, mode: path != tmp_path)  # root may write anywhere
    assert f"the folder {tmp_path} cannot be written" in refusal(pretrain(tmp_path / "p.weights.h5"))


def test_a_failed_write_leaves_no_files(pretrain, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    line = refusal(pretrain(tmp_path / "p.weights.h5", best_epoch=2))
    assert "p.weights.h5 cannot be written: No space left" in line
    assert not [path for path in tmp_path.iterdir() if "weights.h5" in path.name]


def test_no_epoch_was_better_than_the_start(pretrain, tmp_path):
    status, said = pretrain(tmp_path / "p.weights.h5", best_epoch=0)
    assert status == 3 and len(said.err.splitlines()) == 1
    assert "no epoch improved on the initial weights" in said.err
    assert "nothing was written" in said.err and "lower [train] fine_tune_learning_rate" in said.err
    assert not [path for path in tmp_path.iterdir() if "weights.h5" in path.name]


def test_scores_are_those_of_the_best_epoch(pretrain, tmp_path):
    status, said = pretrain(tmp_path / "p.weights.h5", best_epoch=2)
    assert status == 0 and "accuracy 0.8000  AUC 0.8500  loss 0.4000" in said.out
    about = json.loads((tmp_path / "p.weights.h5.json").read_text())
    assert about["validation"] == {"accuracy": 0.8, "auc": 0.85, "loss": 0.4}
    assert about["split"]["seed"] == 0 and (tmp_path / "p.weights.h5").read_text() == "weights"
    assert "started_from" not in about


def test_the_provenance_includes_the_initial_weights(pretrain, tmp_path):
    first, second = tmp_path / "first.weights.h5", tmp_path / "second.weights.h5"
    assert pretrain(first, best_epoch=2)[0] == 0
    status, said = pretrain(second, f"model.weights={first}", best_epoch=1)
    assert status == 0 and "was trained on galaxies of this table" in " ".join(said.out.split())
    about = json.loads(Path(f"{second}.json").read_text())
    assert about["started_from"] == json.loads(Path(f"{first}.json").read_text())
