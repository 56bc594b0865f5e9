import keras
import numpy as np
import pytest
import tensorflow as tf
from transformed import synthetic

from trainer.callbacks import TrainingDiverged
from trainer.fit import fit
from trainer.model import backbone_of, build_classifier, set_trainable
from trainer.settings import ModelSettings, TrainSettings
from trainer.training_set import TrainingSet, balanced_weights, training_batches

KEYS = {"loss", "accuracy", "auc", "val_loss", "val_accuracy", "val_auc", "learning_rate"}
TINY = ModelSettings(backbone="TinyConv", weights="none", dropout=0.1)


def batches(n, seed, batch_size=16):
    return tf.data.Dataset.from_tensor_slices(synthetic(n, seed)).batch(batch_size)


def training_set(data, steps, **values):
    def stream(first_epoch):
        return data.repeat().skip(first_epoch * steps)

    return TrainingSet(stream, steps, **{"class_counts": (20, 10), "augment": ("flips",)} | values)


def tiny():
    return build_classifier(TINY, image_size=32, seed=0)


def train(model, *, galaxies=48, validation=True, epochs=4, rate=3e-3, data=None, **values):
    options = {name: values.pop(name) for name in list(values) if name not in TrainSettings.model_fields}
    settings = TrainSettings(**{"batch_size": 16, "patience": 0} | values)
    return fit(
        model,
        training_set(data or batches(galaxies, 0), galaxies // 16),
        batches(48, 1) if validation else None,
        epochs=epochs,
        learning_rate=rate,
        settings=settings,
        **options,
    )


def test_training_learns_and_leaves_the_best_weights(tmp_path):
    model, seen = tiny(), []
    watch = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append((epoch, dict(logs))))
    history = train(model, galaxies=96, epochs=10, log_dir=tmp_path, callbacks=[watch])
    assert set(history) == KEYS | {"best_epoch", "best_val_loss"}
    assert all(len(history[key]) == 10 for key in KEYS)
    assert history["loss"][-1] < 0.7 * history["loss"][0]
    assert [epoch for epoch, _ in seen] == list(range(10))
    assert "learning_rate" in seen[0][1]
    assert any(path.is_file() for path in tmp_path.rglob("events.out.tfevents.*"))
    best = int(history["best_epoch"][0]) - 1
    assert history["val_loss"][best] == min(history["val_loss"]) == history["best_val_loss"][0]
    loss, *_ = model.evaluate(batches(48, 1), verbose=0)
    assert loss == pytest.approx(history["best_val_loss"][0], rel=1e-4)


def test_without_validation_the_last_weights_count():
    first, second = tiny(), tiny()
    history = train(first, validation=False)
    assert set(history) == {"loss", "accuracy", "auc", "learning_rate"}
    last = []
    keep = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: last.append(second.get_weights()))
    train(second, validation=False, callbacks=[keep])
    for kept, found in zip(last[-1], first.get_weights(), strict=True):
        np.testing.assert_allclose(kept, found, atol=1e-6)


def test_the_start_may_be_the_best():
    model = tiny()
    train(model, epochs=8)
    before = model.get_weights()
    history = train(model, epochs=2, rate=1.0, start_counts=True, warm_up=0.0)  # far too high
    assert history["best_epoch"] == [0.0]
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_the_same_seed_gives_the_same_network():
    def weights(seed):
        model = tiny()
        train(model, epochs=2, seed=seed)
        return model.get_weights()

    first, again, other = weights(0), weights(0), weights(1)
    assert all(np.allclose(a, b, atol=1e-5) for a, b in zip(first, again, strict=True))
    assert not all(np.allclose(a, b, atol=1e-5) for a, b in zip(first, other, strict=True))


def test_frozen_weights_and_pretrained_statistics_stay():
    model = tiny()
    set_trainable(model, start="stem", pretrained=True)
    norm = backbone_of(model).get_layer("bn1")
    before = norm.moving_mean.numpy()
    train(model, epochs=1)
    np.testing.assert_array_equal(norm.moving_mean.numpy(), before)


def test_patience_ends_training_early():
    assert len(train(tiny(), epochs=30, rate=1e-9, patience=2, warm_up=0.0)["loss"]) < 30


def test_a_loss_that_is_not_a_number_ends_training_with_its_step():
    pictures, labels = synthetic(64, 0)
    pictures = pictures.astype("float32")
    pictures[40] = np.nan  # in the third batch of 16; ReLU may hide it until the weights are hit
    data = tf.data.Dataset.from_tensor_slices((pictures, labels)).batch(16)
    with pytest.raises(TrainingDiverged, match=r"became nan at step [34] of epoch 1"):
        train(tiny(), galaxies=64, data=data)


def test_the_schedule_warms_up_and_decays():
    rates = []

    class Watch(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            rates.append(float(self.model.optimizer.learning_rate))

    train(tiny(), galaxies=160, epochs=2, warm_up=0.25, callbacks=[Watch()])
    assert len(rates) == 20 and rates[0] == 0.0 and rates[-1] < 0.1 * 3e-3
    assert max(rates) == rates[5] == pytest.approx(3e-3)


@pytest.mark.parametrize("shape", [(-1,), (-1, 1)])
def test_labels_are_smoothed_and_weighted(shape):
    data = batches(8, 0, 4).map(lambda x, y: (x, tf.reshape(y, shape)))
    settings = TrainSettings(label_smoothing=0.1)
    prepared = training_batches(
        training_set(data, 2, class_counts=(24, 8), augment=()), 0, settings=settings, seed=0
    )
    pictures, labels, weights = next(iter(prepared))
    np.testing.assert_allclose(labels, [[0.95], [0.05], [0.05], [0.95]])
    np.testing.assert_allclose(weights, [2.0, 2 / 3, 2 / 3, 2.0])
    np.testing.assert_array_equal(pictures, synthetic(8, 0)[0][:4])


def test_a_soft_label_weighs_in_proportion():
    data = tf.data.Dataset.from_tensor_slices((np.zeros((2, 32, 32, 3), "u1"), [0.25, 1.0])).batch(2)
    prepared = training_batches(
        training_set(data, 1, class_counts=(24, 8), augment=()),
        0,
        settings=TrainSettings(label_smoothing=0.0),
        seed=0,
    )
    _, labels, weights = next(iter(prepared))
    np.testing.assert_allclose(labels, [[0.25], [1.0]])
    np.testing.assert_allclose(weights, [0.75 * 2 / 3 + 0.25 * 2, 2.0])


def test_every_epoch_varies_the_pictures_anew_and_can_be_had_alone():
    data = training_set(batches(8, 0, 8), 1, augment=("flips", "rotations"))
    settings = TrainSettings()
    first, second = (x.numpy() for x, *_ in training_batches(data, 0, settings=settings, seed=0).take(2))
    alone = next(iter(training_batches(data, 1, settings=settings, seed=0)))[0].numpy()
    assert (first != second).any()
    np.testing.assert_array_equal(second, alone)


@pytest.mark.parametrize("mixup", [0.0, 0.3])
def test_a_gpu_prepares_the_same_batches_in_its_step(mixup, monkeypatch):
    """A CPU stands in for the GPU; flips are exact on both."""

    def course():
        model = tiny()
        data = training_set(batches(48, 0), 3, augment=("flips",), mixup=mixup)
        settings = TrainSettings(batch_size=16, patience=0, label_smoothing=0.1)
        history = fit(model, data, batches(48, 1), epochs=2, learning_rate=3e-3, settings=settings)
        assert "train_step" not in vars(model)
        return history

    by_cpu = course()
    monkeypatch.setattr("trainer.fit.runs_on_gpu", lambda spread: True)
    in_step = course()
    for name, values in by_cpu.items():
        np.testing.assert_allclose(in_step[name], values, rtol=1e-4, err_msg=name)


def test_balanced_weights_average_one():
    spirals, ellipticals = balanced_weights((300, 100))
    assert spirals * 300 == ellipticals * 100 == 200
    with pytest.raises(ValueError, match="needs both classes"):
        balanced_weights((5, 0))


def test_no_data_is_said():
    with pytest.raises(ValueError, match="training set is empty"):
        train(tiny(), galaxies=0)


def test_several_steps_at_a_time_must_divide_an_epoch():
    with pytest.raises(ValueError, match="2 steps at a time do not divide an epoch of 3"):
        train(tiny(), steps_per_execution=2)
    model = tiny()
    history = train(model, epochs=4, steps_per_execution=3)
    assert len(history["loss"]) == 4 and int(model.optimizer.iterations) == 12
