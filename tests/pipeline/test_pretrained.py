"""The warning if weights were trained on the galaxies of the run."""

import json

import pytest
from small_survey import exit_status, write_survey

from pipeline.config import load_settings
from pipeline.preflight import check_data
from pipeline.pretrained import already_seen
from trainer.weights.preflight import file_digest

SEEN = "was trained on galaxies of this table"


@pytest.fixture
def config(tmp_path, write_stamp):
    return write_survey(tmp_path, write_stamp)


@pytest.fixture
def weights(tmp_path):
    """Write weights and their provenance; return the override that selects them."""

    def write(name="p.weights.h5", **about):
        path = tmp_path / name
        path.write_text(name)
        (tmp_path / f"{name}.json").write_text(json.dumps({"sha256": file_digest(path, "sha256"), **about}))
        return f"model.weights={path}"

    return write


def test_the_same_galaxies(config, weights, tmp_path):
    labels = str(tmp_path / "labels.csv")
    learned = {"learned_from": {"labels": "elsewhere.csv", "fingerprint": "f00d"}}
    other = {"learned_from": {"simulated galaxies": 4000, "seed": 0}}

    def warning(override, fingerprint="f00d"):
        return already_seen(load_settings(config, [override]), fingerprint)

    assert SEEN in warning(weights(**learned)) and "[split]" in warning(weights(**learned))
    assert warning(weights(**learned), "beef") is None
    # With other bands the fingerprint differs.
    assert SEEN in warning(weights(learned_from={"labels": labels, "fingerprint": "beef"}))
    assert warning(weights(**other)) is None
    assert SEEN in warning(weights(**other, started_from={"started_from": learned}))
    assert warning('model.weights="none"') is None


def test_a_provenance_file_of_other_weights_is_ignored(config, weights, tmp_path):
    override = weights(learned_from={"fingerprint": "f00d"})
    settings = load_settings(config, [override])
    assert already_seen(settings, "f00d")
    (tmp_path / "p.weights.h5").write_text("others by the same name")
    assert already_seen(settings, "f00d") is None
    for content in ("[]", "no JSON", "{}", '{"sha256": 3}'):
        (tmp_path / "p.weights.h5.json").write_text(content)
        assert already_seen(settings, "f00d") is None
    (tmp_path / "p.weights.h5.json").unlink()
    assert already_seen(settings, "f00d") is None


class Stopped(Exception):
    """Instead of the pipeline."""


@pytest.mark.parametrize(
    "verb", [["run"], ["sweep", "--axis", "train.seed=0,1"], ["sweep", "--axis", "model.weights=none,{}"]]
)
def test_the_warning_is_printed_before_anything_runs(config, weights, monkeypatch, capsys, verb):
    def stop(*_):
        raise Stopped

    fingerprint = check_data(load_settings(config)).fingerprint
    override = weights(learned_from={"fingerprint": fingerprint})
    for module in ("run", "sweep.run"):
        monkeypatch.setattr(f"pipeline.{module}.run_jobs", stop)
    monkeypatch.setattr("pipeline.preflight.imagenet_weights_problem", lambda *_: None)
    name, *axes = (word.format(override.partition("=")[2]) for word in verb)
    sets = [] if "{}" in verb[-1] else ["--set", override]
    with pytest.raises(Stopped):
        exit_status(monkeypatch, name, config, *axes, *sets)
    assert capsys.readouterr().out.count(SEEN) == 1
