"""The model that is made of the folds; their tops are drawn, not trained."""

import json

import numpy as np
import pytest
import tensorflow as tf
from tfx.types.standard_artifacts import Examples, Model
from tfx.utils import path_utils
from transformed import write_split

from components.artifacts import FoldModel
from components.fold_exporter.component import Executor
from evaluation.calibration import fit_temperature, with_temperature
from evaluation.formats.out_of_fold import SCORES_FILE, OutOfFold, read_scores, write_scores
from preprocessing.picture import make_picture
from preprocessing.settings import ImageSettings
from trainer.folds import fold_classifiers
from trainer.head import Head
from trainer.model import averaged
from trainer.recipe import HEAD_FILE, Recipe
from trainer.settings import CrossValidationSettings, ModelSettings, TrainSettings

FLUX = np.random.default_rng(0).uniform(0, 60, (6, 32, 32, 3)).astype("f4")


def artifact(kind, path):
    made = kind()
    made.uri = str(path)
    return [made]


@pytest.fixture(scope="module")
def folds(tmp_path_factory):
    """Three folds on one frozen backbone; what they said of their galaxies is three times too sure."""
    root, random = tmp_path_factory.mktemp("folds"), np.random.default_rng(1)
    for number in range(3):
        folder = root / str(number)
        folder.mkdir()
        Head(random.normal(0, 2, 64).astype("f4"), float(number) - 1).save(folder / HEAD_FILE)
        logits = random.normal(0, 2, 200)
        labels = (random.random(200) < 1 / (1 + np.exp(-logits))).astype(int)
        names = [f"{number}-{place}" for place in range(200)]
        p = 1 / (1 + np.exp(-(2 + number) * logits))
        write_scores(folder / SCORES_FILE, OutOfFold(names, labels.tolist(), [number] * 200, p.tolist()))
        about = {"fold": number, "phases": "head", "n_train": 400, "seconds": 1.0, "history": {}}
        (folder / "fold.json").write_text(json.dumps(about))
    return root


def recipe(publish, calibration) -> Recipe:
    return Recipe(
        ImageSettings(cut=32, size=32),
        ModelSettings(backbone="TinyConv", weights="none", calibration=calibration, dihedral_average=True),
        TrainSettings(epochs=1),
        CrossValidationSettings(publish=publish),
    )


def publish(folds, path, publish, calibration) -> tuple[np.ndarray, dict]:
    """Return what the exported model says, and what it says of itself."""
    config = {
        **recipe(publish, calibration).dump(),
        "decision": {"uncertain": [0.25, 0.75]},
        "flux": {},
        "limits": {},
        "chunk": 0,
    }
    examples = artifact(Examples, path / "examples")
    examples[0].split_names = json.dumps(["train", "val"])
    for split, count in (("train", 90), ("val", 30)):
        (path / "examples" / f"Split-{split}").mkdir(parents=True)
        write_split(path / "examples" / f"Split-{split}", split, count, seed=count)
    inputs = {"examples": examples} | {
        f"fold_{number}": artifact(FoldModel, folds / str(number)) for number in range(3)
    }
    outputs = {"model": artifact(Model, path / "model"), "fold": artifact(FoldModel, path / "fold")}
    Executor().Do(inputs, outputs, {"config": json.dumps(config), "code": ""})
    place = path_utils.serving_model_dir(str(path / "model"))
    with open(f"{place}/assets.extra/galmorph.json") as stream:
        about = json.load(stream)
    answers = tf.saved_model.load(place).signatures["classify_flux"](flux=tf.constant(FLUX))
    return answers["p_elliptical"].numpy(), about


def members(folds) -> list[np.ndarray]:
    """What each fold's classifier says, averaged over the symmetries."""
    pictures = make_picture(FLUX, recipe("ensemble", "none").image).numpy().astype("f4")
    models = [fold_classifiers(recipe("ensemble", "none"), [folds / str(number)]) for number in range(3)]
    return [averaged(model, 8)(pictures).numpy()[:, 0] for model in models]


def test_the_best_fold_is_scaled_by_its_own_scores(folds, tmp_path):
    found, about = publish(folds, tmp_path, "best_fold", "temperature")
    (best,) = about["folds"]
    assert json.loads((tmp_path / "fold/fold.json").read_text())["fold"] == best != 0
    assert (tmp_path / "fold/head.npz").read_bytes() == (folds / str(best) / "head.npz").read_bytes()
    own = read_scores(folds / str(best) / SCORES_FILE)
    assert about["temperature"] == fit_temperature(own.labels, own.p_elliptical) > 1.5
    np.testing.assert_allclose(found, with_temperature(members(folds)[best], about["temperature"]), atol=1e-5)


def test_the_ensemble_scales_each_fold_by_the_scores_of_all(folds, tmp_path):
    found, about = publish(folds, tmp_path, "ensemble", "temperature")
    every = OutOfFold.joined(read_scores(folds / str(number) / SCORES_FILE) for number in range(3))
    assert about["temperature"] == fit_temperature(every.labels, every.p_elliptical)
    expected = np.mean([with_temperature(p, about["temperature"]) for p in members(folds)], axis=0)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_unless_asked_for_nothing_is_scaled(folds, tmp_path):
    found, about = publish(folds, tmp_path, "ensemble", "none")
    assert about["temperature"] is None and about["folds"] == [0, 1, 2]
    np.testing.assert_allclose(found, np.mean(members(folds), axis=0), atol=1e-5)
    assert np.ptp(members(folds), axis=0).max() > 0.1


@pytest.mark.parametrize("mode", ["best_fold", "ensemble"])
def test_novelty_refers_to_the_fold_that_the_first_classifier_did_not_learn_from(folds, tmp_path, mode):
    _, about = publish(folds, tmp_path, mode, "none")
    # Three at a time in folds 0, 1, 2: 30, 30 and 30 of the training split; 12, 9 and 9 of the validation.
    assert about["novelty"]["reference"] == {"best_fold": 39, "ensemble": 42}[mode]
    place = path_utils.serving_model_dir(str(tmp_path / "model"))
    answers = tf.saved_model.load(place).signatures["classify_flux"](flux=tf.constant(FLUX))
    assert np.isfinite(answers["novelty_distance"]).all()
    # The brightness of galaxy n is 10 + n, of 90 and 30 galaxies.
    assert about["training"]["galaxies"] == {"best_fold": 81, "ensemble": 120}[mode]
    assert about["training"]["stamp"] == [40, 40]
    assert ((answers["novelty"] >= 0) & (answers["novelty"] <= 1)).numpy().all()
