import json

import numpy as np
import pytest
from transformed import recipe, write_split

from trainer.backbone_features import FeatureStore, compute_features
from trainer.fine_tune import start_classifier
from trainer.folds import FoldScores, fold_classifiers, train_fold
from trainer.galaxies import TrainingDataError, read_galaxies
from trainer.head import Head
from trainer.input import Pictures
from trainer.model import averaged


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("transformed")
    return {"train": write_split(folder, "train", 36, 0), "val": write_split(folder, "val", 18, 1)}


@pytest.fixture(scope="module")
def features(files, tmp_path_factory):
    folder = tmp_path_factory.mktemp("features")
    compute_features(start_classifier(recipe(), None), files, folder, views=8, batch_size=16)
    return folder


def folds(settings, files, features, root, count=3):
    for fold in range(count):
        (root / str(fold)).mkdir()
        train_fold(settings, files, features, fold, root / str(fold))
    return [FoldScores.load(root / str(fold)) for fold in range(count)]


@pytest.mark.parametrize("average", [False, True])
def test_every_galaxy_is_scored_by_the_fold_that_left_it_out(files, features, tmp_path, average):
    # Scored with the views of the exported model, whatever views the head is trained on.
    settings = recipe(model={"dihedral_average": average}, train={"epochs": 30, "views": 2})
    found = folds(settings, files, features, tmp_path)
    galaxies = read_galaxies(files)
    assert sorted(name for fold in found for name in fold.scores.names) == sorted(galaxies.names)
    store = FeatureStore.load(features)
    for number, fold in enumerate(found):
        assert fold.about["fold"] == number and set(fold.scores.folds) == {number}
        assert fold.about["phases"] == "head"
        assert fold.about["n_train"] + len(fold.scores) == len(galaxies)
        mine = galaxies.take(galaxies.folds == number)
        assert fold.scores.names == list(mine.names) and fold.scores.labels == list(mine.labels)
        head = Head.load(tmp_path / str(number) / "head.npz")
        expected = head.probabilities(store.values[store.galaxies.folds == number, : 8 if average else 1])
        np.testing.assert_allclose(fold.scores.p_elliptical, expected, atol=1e-6)
        assert not (tmp_path / str(number) / "backbone.weights.h5").exists()


def test_the_ensemble_of_heads_is_one_network_with_their_mean(files, features, tmp_path):
    settings = recipe(train={"epochs": 5})
    folds(settings, files, features, tmp_path)
    (model,) = fold_classifiers(settings, [tmp_path / str(fold) for fold in range(3)])
    pictures = next(iter(Pictures(files["train"], 32, 64).in_order()))[0].numpy().astype("f4")
    each = [
        fold_classifiers(settings, [tmp_path / str(fold)])[0](pictures).numpy()[:, 0] for fold in range(3)
    ]
    np.testing.assert_allclose(averaged([model])(pictures)[:, 0], np.mean(each, axis=0), atol=1e-5)
    assert np.abs(each[0] - each[1]).max() > 1e-4


@pytest.mark.parametrize("epochs", [0, 2])
def test_networks_of_folds_are_trained_saved_and_loaded(files, features, tmp_path, epochs):
    settings = recipe(
        model={"dihedral_average": True}, train={"epochs": epochs, "fine_tune_epochs": 8}, phases="all"
    )
    scores = folds(settings, files, features if epochs else None, tmp_path, count=2)
    assert scores[0].about["phases"] == "all"
    history = scores[0].about["history"]
    assert history["network"]["loss"][-1] < history["network"]["loss"][0] and ("head" in history) == bool(
        epochs
    )
    models = fold_classifiers(settings, [tmp_path / "0", tmp_path / "1"])
    pictures = next(iter(Pictures([*files["train"], *files["val"]], 32, 64, only_fold=1).in_order()))[0]
    again = averaged(models[1:], 8)(pictures.numpy().astype("f4")).numpy()[:, 0]
    names = read_galaxies(files).take(read_galaxies(files).folds == 1).names
    by_name = dict(zip(scores[1].scores.names, scores[1].scores.p_elliptical, strict=True))
    np.testing.assert_allclose([by_name[name] for name in names], again, atol=1e-4)


def test_a_fold_without_a_class_is_named(tmp_path):
    labels = [int(number // 3 % 3 != 1 and number % 3 == 0) for number in range(18)]
    files = {"train": write_split(tmp_path, "train", 18, 0, labels=labels), "val": []}
    with pytest.raises(TrainingDataError, match="fold 1 has no elliptical galaxy"):
        train_fold(recipe(train={"epochs": 0}), files, None, 1, tmp_path)
    with pytest.raises(TrainingDataError, match=r"\[split\] folds: fold 7 has 0 of the 18 galaxies"):
        train_fold(recipe(train={"epochs": 0}), files, None, 7, tmp_path)
    assert not (tmp_path / "fold.json").exists()


def test_the_course_is_written(files, features, tmp_path):
    folds(recipe(), files, features, tmp_path, count=1)
    about = json.loads((tmp_path / "0" / "fold.json").read_text())
    assert len(about["history"]["head"]["loss"]) == 3 and about["seconds"] > 0
