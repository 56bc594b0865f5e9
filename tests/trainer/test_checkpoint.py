"""A killed training is resumed after its last epoch and ends like an uninterrupted one."""

import itertools
import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from transformed import recipe, synthetic, write_split

from trainer.callbacks import KeepBest, TrainingDiverged
from trainer.checkpoint import Checkpoint
from trainer.fine_tune import fine_tune, start_classifier
from trainer.fit import TrainingSet, fit
from trainer.galaxies import read_galaxies
from trainer.input import Pictures
from trainer.model import backbone_of, set_trainable

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
def test_a_resumed_training_ends_like_an_uninterrupted_one(files, tmp_path, epoch, validated):
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
    """If writing a state fails at any point, the previous state is kept."""
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


def overflowing(epoch):
    """One batch an epoch; in `epoch` one whose loss is finite and whose gradient is not."""
    pictures, labels = synthetic(48, 0)
    pictures = pictures.astype("f4")

    def batches(first):
        for number in itertools.count(first):
            yield pictures * np.float32(1e24 if number == epoch else 1.0), labels

    signature = tf.TensorSpec((None, 32, 32, 3)), tf.TensorSpec((None,), tf.int64)
    return TrainingSet(
        lambda first: tf.data.Dataset.from_generator(lambda: batches(first), output_signature=signature),
        1,
        (32, 16),
    )


def finite_arrays(state, prefix):
    return all(np.isfinite(state[name]).all() for name in state.files if name.startswith(prefix))


@pytest.mark.parametrize("validated", [True, False])
def test_a_gradient_that_overflows_in_the_last_step_leaves_the_good_state(tmp_path, validated):
    settings = recipe(train={"epochs": 0, "augment": False})
    validation = tf.data.Dataset.from_tensor_slices(synthetic(24, 1)).batch(24) if validated else None
    for _ in range(2):  # a second run goes on from the good state
        model = start_classifier(settings, None)
        set_trainable(model, start="stem", pretrained=True)  # batch norms would hide such a picture
        with pytest.raises(
            TrainingDiverged, match=r"weights .* at step 1 of epoch 3, at learning rate .* are in .*h5"
        ) as failure:
            fit(
                model,
                overflowing(2),
                validation,
                epochs=3,
                learning_rate=1e-3,
                settings=settings.train.model_copy(update={"warm_up": 0.0}),
                checkpoint=tmp_path,
            )
        assert "learning rate 0:" not in str(failure.value)
        with np.load(tmp_path / "state.npz") as state:
            assert len(json.loads(str(state["about"]))["history"]) == 2
            assert finite_arrays(state, "variable") and finite_arrays(state, "best")
        path = str(failure.value).rsplit(" in ", 1)[1]
        kept = backbone_of(start_classifier(recipe(model={"weights": path}), None)).get_weights()
        assert all(np.isfinite(weights).all() for weights in kept)


def test_the_best_weights_are_kept_where_the_last_are_not_finite(tmp_path):
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, name="dense")])
    model.compile("sgd", "mse")
    best = KeepBest(0)
    state = Checkpoint(tmp_path, best)
    state.set_model(model)
    best.resume(0, 0.5, 1, [np.full((1, 1), 2.0), np.zeros(1)])
    model.set_weights([np.full((1, 1), np.nan), np.zeros(1)])
    state.on_epoch_end(1, {"val_loss": 0.7})
    path = Checkpoint(tmp_path, KeepBest(0)).keep_weights(model, "last-good")
    model.set_weights([np.zeros((1, 1)), np.zeros(1)])
    model.load_weights(path)
    assert model.get_weights()[0].item() == 2.0
    best.weights = None
    best.best_epoch = None
    model.set_weights([np.full((1, 1), np.nan), np.zeros(1)])
    state.on_epoch_end(2, {"val_loss": 0.7})
    assert Checkpoint(tmp_path, KeepBest(0)).keep_weights(model, "last-good") is None


def test_no_finite_validation_loss_names_epochs_and_file(tmp_path):
    pictures, labels = synthetic(32, 0)
    good = tf.data.Dataset.from_tensor_slices((pictures.astype("f4"), labels)).batch(16)
    bad = good.map(lambda x, y: (x, tf.cast(y, tf.float32) * np.float32("nan")))
    settings = recipe(train={"epochs": 0, "augment": False, "patience": 2})
    for _ in range(2):  # the second time from a state after early stopping
        with pytest.raises(
            TrainingDiverged, match=r"no epoch, from 1 to 2, had .*weights of the last good epoch are in .*h5"
        ):
            fit(
                start_classifier(settings, None),
                TrainingSet(lambda first: good.repeat(), 2, (20, 12)),
                bad,
                epochs=5,
                learning_rate=1e-3,
                settings=settings.train,
                checkpoint=tmp_path,
            )
