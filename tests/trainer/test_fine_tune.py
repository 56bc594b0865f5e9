from types import SimpleNamespace

import keras
import pytest
from transformed import recipe, write_split

from trainer.fine_tune import fine_tune, start_classifier
from trainer.galaxies import TrainingDataError, read_galaxies
from trainer.input import Pictures


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return {"train": write_split(tmp_path_factory.mktemp("transformed"), "train", 2, 0)}


def test_votes_are_required_if_they_are_the_target(files):
    settings = recipe(train={"epochs": 0, "labels": "votes"})
    model, galaxies = start_classifier(settings, None), read_galaxies(files)
    galaxies.soft_labels[:] = galaxies.labels
    with pytest.raises(TrainingDataError, match=r'\[train\] labels = "votes", but the training set'):
        fine_tune(model, settings, Pictures(files["train"], 32, 16), galaxies, None, has_head=False)


def test_more_processors_than_galaxies_are_refused(files, monkeypatch):
    settings = recipe(train={"epochs": 0})
    model, pictures = start_classifier(settings, None), Pictures(files["train"], 32, 16)
    monkeypatch.setattr(keras.Model, "distribute_strategy", SimpleNamespace(num_replicas_in_sync=3))
    with pytest.raises(TrainingDataError, match="2 training galaxies cannot be divided among 3 processors"):
        fine_tune(model, settings, pictures, read_galaxies(files), None, has_head=False)
