"""Bad input stops a run before any component starts: status 2, one line, no traceback."""

import fcntl
import json
from pathlib import Path

import numpy as np
import pytest

from pipeline import cli
from pipeline.config import load_settings
from pipeline.preflight import check_data
from trainer.weights import preflight as weights_preflight

CONFIG = """
[pipeline]
root = "run"
[data]
labels = "labels.csv"
stamps = "{band}_stamps/{name}_{band}.fits"
[image]
cut = 16
size = 32
[model]
backbone = "TinyConv"
weights = "none"
[cross_validation]
phases = "none"
[push]
directory = "models"
"""


@pytest.fixture
def survey(tmp_path, write_stamp) -> Path:
    for name in "abcd":
        for band in "IRG":
            write_stamp(name, band, np.random.default_rng(0).normal(size=(20, 24)))
    (tmp_path / "labels.csv").write_text("name,label\na,spiral\nb,elliptical\nc,spiral\nd,uncertain\n")
    (tmp_path / "galmorph.toml").write_text(CONFIG)
    return tmp_path


def refusal(survey: Path, capsys, monkeypatch, *overrides: str) -> str:
    """Run the command line and return its one line on standard error."""
    sets = [word for override in overrides for word in ("--set", override)]
    monkeypatch.setattr("sys.argv", ["galmorph", "run", str(survey / "galmorph.toml"), *sets])
    monkeypatch.setattr("pipeline.run.run_jobs", lambda *_: pytest.fail("a component would have run"))
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    assert stopped.value.code == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1 and lines[0].startswith("galmorph: ")
    return lines[0]


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("data.labels=absent.csv", "[data] labels: "),
        ("data.exclude=absent.csv", "absent.csv does not exist"),
        ("data.exclude=absent.csv", "[data] exclude: "),
        ("data.label_format=gz3", "[data] label_format: 'gz3' is none of auto, gz2, gz1, gz2_class, simple"),
        ('data.exclude=["labels.csv", "galmorph.toml"]', "galmorph.toml has no column 'name'"),
        ("data.stamps=nowhere/{name}_{band}.fits", "[data] stamps: band G has no files ("),
        ("image.rgb=ZRG", "[data] stamps: band Z has no files"),
        (
            "image.cut=21",
            "[image] cut = 21 is larger than the stamps of band G: the largest of 4 checked has 24 x 20",
        ),
        ("image.streach=3", "did you mean 'stretch'?"),
        ("image.size=31", "[image] size = 31: the backbones need pictures of at least 32 pixels"),
        (
            "cross_validation.phases=auto",
            "[split] folds = 5, but only 1 of 2 spiral objects",
        ),
        ("split.folds=1", "[split] folds = 1: Input should be greater than or equal to 2"),
        ("train.fine_tune_from=block3", "[train] fine_tune_from: TinyConv has no block3"),
        ("cross_validation.publish=ensemble", 'publish = "ensemble" needs folds, but phases = "none"'),
        ("model.backbone=EfficientNetB8", "did you mean"),
        ("gate.min_auc=1.5", "[gate] min_auc = 1.5"),
        ("serving.validator=podman", "[serving] validator = 'podman'"),
        ("serving.timeout=0", "[serving] timeout = 0"),
        ("serving.tag=1", "unknown key [serving] tag; did you mean 'image_tag'?"),
        ("model.weights=absent.h5", "[model] weights: there is no file"),
    ],
)
def test_bad_input_is_named(survey, capsys, monkeypatch, override, message):
    assert message in refusal(survey, capsys, monkeypatch, override)


@pytest.mark.parametrize("lost", ["spiral", "elliptical"])
def test_a_class_without_objects(survey, capsys, monkeypatch, lost):
    text = (survey / "labels.csv").read_text().replace(lost, "uncertain")
    (survey / "labels.csv").write_text(text)
    assert f"labels.csv has no {lost} object" in refusal(survey, capsys, monkeypatch)


def test_unknown_labels_are_listed(survey, capsys, monkeypatch):
    (survey / "labels.csv").write_text("name,label\na,Sb\nb,E0\nc,Sb\n")
    line = refusal(survey, capsys, monkeypatch)
    assert "has no spiral object (rows refused: 3 bad_label" in line
    assert "'sb', 'e0'; known labels: spiral, elliptical, uncertain, 0, 1, -1" in line


def test_columns_are_listed_where_the_label_is_missing(survey, capsys, monkeypatch):
    (survey / "labels.csv").write_text("name,type,ra\na,spiral,1\n")
    assert "its columns are name, type, ra" in refusal(survey, capsys, monkeypatch)


def test_no_network_for_the_weights(survey, capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(weights_preflight, "is_reachable", lambda *_, **__: False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    line = refusal(survey, capsys, monkeypatch, "model.backbone=EfficientNetB7", "model.weights=imagenet")
    assert "efficientnetb7_notop.h5" in line and "[model] weights = " in line and "EfficientNetLite0" in line


def test_docker_that_does_not_answer(survey, capsys, monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    line = refusal(survey, capsys, monkeypatch, "serving.validator=docker")
    assert "[serving] validator = 'docker': Docker does not answer: " in line


def test_two_runs_on_one_root(survey, capsys, monkeypatch):
    (survey / "run").mkdir()
    with open(survey / "run" / ".lock", "a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert "[pipeline] root: another run is using" in refusal(survey, capsys, monkeypatch)


@pytest.mark.parametrize(
    ("published", "message"),
    [
        ({"bands": ["I", "R", "U"], "image": {"cut": 16}}, "(version 12) needs band U"),
        ({"bands": ["I", "R", "G"], "image": {"cut": 18}}, "set stamp_size = 18"),
        ({"bands": ["I", "R", "G"], "image": {"cut": 16}, "flux": {}}, "[data] background: the published"),
        ([], "12/assets.extra/galmorph.json was not written by galmorph"),
    ],
)
def test_a_published_model_that_could_not_be_compared(survey, capsys, monkeypatch, published, message):
    for version, content in (("9", {"bands": ["Z"]}), ("12", published), ("13.old", {})):
        extra = survey / "models" / version / "assets.extra"
        extra.mkdir(parents=True)
        (extra / "galmorph.json").write_text(json.dumps(content))
    assert message in refusal(survey, capsys, monkeypatch)


def test_a_gate_that_no_model_can_pass_is_told_before_the_run(survey):
    settings = load_settings(survey / "galmorph.toml", [])
    (note,) = [note for note in check_data(settings).notes if "min_galaxies" in note]
    assert "at most 1 of 1 elliptical" in note and "[gate] min_galaxies = 10" in note
    enough = load_settings(survey / "galmorph.toml", ["gate.min_galaxies=1"])
    assert not [note for note in check_data(enough).notes if "min_galaxies" in note]
