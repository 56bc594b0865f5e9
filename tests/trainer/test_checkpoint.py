"""A training that is killed goes on from its last epoch and ends as an unbroken one."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from transformed import recipe, synthetic, write_split

from trainer.callbacks import TrainingDiverged
from trainer.checkpoint import Checkpoint
from trainer.fine_tune import fine_tune, start_classifier
from trainer.fit import TrainingSet, fit
from trainer.galaxies import read_galaxies
from trainer.input import Pictures
from trainer.model import backbone_of

EPOCHS = 5


class Killed(BaseException):
    pass


class KillAt(keras.callbacks.Callback):
    """Ends in the middle of an epoch, as a signal would; counts the epochs begun."""

    def __init__(self, epoch=None):
        super().__init__()
        self.epoch, self.begun = epoch, []

    def on_epoch_begin(self, epoch, logs=None):
        self.begun.append(epoch)

    def on_train_batch_end(self, batch, logs=None):
        if self.begun[-1] == self.epoch and batch == 1:
            raise Killed


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("transformed")
    return {"train": write_split(folder, "train", 48, 0), "val": write_split(folder, "val", 24, 1)}


def train(files, checkpoint, watch, *, patience=0, validated=True):
    settings = recipe(train={"epochs": 0, "fine_tune_epochs": EPOCHS, "patience": patience})
    model = start_classifier(settings, None)
    learning = {"train": files["train"]}
    history = fine_tune(
        model,
        settings,
        Pictures(files["train"], 32, 16),
        read_galaxies(learning),
        Pictures(files["val"], 32, 16) if validated else None,
        has_head=False,
        checkpoint=checkpoint,
        callbacks=[watch],
    )
    return model.get_weights(), history


@pytest.mark.parametrize("validated", [True, False])
@pytest.mark.parametrize("epoch", [1, 4])
def test_it_ends_as_an_unbroken_one(files, tmp_path, epoch, validated):
    unbroken, course = train(files, None, KillAt(), validated=validated)
    with pytest.raises(Killed):
        train(files, tmp_path / "state", KillAt(epoch), validated=validated)
    watch = KillAt()
    resumed, resumed_course = train(files, tmp_path / "state", watch, validated=validated)
    assert watch.begun == list(range(epoch, EPOCHS))
    assert course.keys() == resumed_course.keys()
    for name, values in course.items():
        assert resumed_course[name] == pytest.approx(values, abs=2e-5), name
    for first, second in zip(unbroken, resumed, strict=True):
        np.testing.assert_allclose(first, second, atol=2e-5)


def test_a_finished_training_is_not_repeated(files, tmp_path):
    first, course = train(files, tmp_path / "state", KillAt())
    watch = KillAt()
    again, same = train(files, tmp_path / "state", watch)
    assert watch.begun == [] and same == course
    for one, other in zip(first, again, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_state_cut_short_is_never_seen(files, tmp_path, monkeypatch):
    """Whatever happens while the state is written, the former one stands."""
    with pytest.raises(Killed):
        train(files, tmp_path / "state", KillAt(1))
    before = (tmp_path / "state" / "state.npz").read_bytes()

    def dies(stream, **arrays):
        stream.write(b"half")
        raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(np, "savez", dies)
        train(files, tmp_path / "state", KillAt())
    assert (tmp_path / "state" / "state.npz").read_bytes() == before


def test_the_state_of_another_network_is_not_taken(tmp_path):
    def compiled(units):
        model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(units)])
        model.compile("adam", "mse")
        return model

    first = compiled(2)
    state = Checkpoint(tmp_path)
    first.fit(np.ones((4, 3)), np.ones((4, 2)), callbacks=[state], verbose=0)
    assert len(Checkpoint(tmp_path).restore(compiled(2))) == 1
    assert Checkpoint(tmp_path).restore(compiled(5)) == []
    state.remove()
    assert Checkpoint(tmp_path).restore(compiled(2)) == [] and not tmp_path.exists()


def test_a_diverging_training_keeps_the_last_good_weights(tmp_path):
    pictures, labels = synthetic(32, 0)
    good = tf.data.Dataset.from_tensor_slices((pictures.astype("f4"), labels)).batch(16)
    bad = good.map(lambda x, y: (x * np.float32("nan"), y))
    settings = recipe(train={"epochs": 0, "augment": False})
    model = start_classifier(settings, None)
    with pytest.raises(
        TrainingDiverged, match=r"epoch 2.*weights of the last good epoch are in .*h5"
    ) as failure:
        fit(
            model,
            TrainingSet(lambda first: good.concatenate(bad.repeat()), 2, (20, 12)),
            None,
            epochs=3,
            learning_rate=1e-3,
            settings=settings.train,
            checkpoint=tmp_path,
        )
    path = str(failure.value).rsplit(" in ", 1)[1]
    again = start_classifier(recipe(model={"weights": path}), None)
    kept = backbone_of(again).get_weights()
    assert all(np.isfinite(weights).all() for weights in kept)
    for one, other in zip(kept, backbone_of(model).get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
