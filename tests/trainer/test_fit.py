import keras
import numpy as np
import pytest
import tensorflow as tf

from trainer.callbacks import TrainingDiverged
from trainer.fit import balanced_weights, count_steps_and_classes, fit_classifier, prepare_training
from trainer.model import backbone_of, build_classifier
from trainer.settings import TrainSettings

KEYS = {"loss", "accuracy", "auc", "val_loss", "val_accuracy", "val_auc", "learning_rate"}


def synthetic(n, seed):
    """Round red blobs (elliptical) against blue bars (spiral), with noise."""
    rng = np.random.default_rng(seed)
    labels = (np.arange(n) % 3 == 0).astype(np.int64)
    y, x = np.mgrid[:32, :32] - 15.5
    round_blob, bar = np.exp(-(x**2 + y**2) / 60), np.exp(-(x**2) / 8 - y**2 / 200)
    pictures = rng.normal(30, 8, (n, 32, 32, 3))
    for picture, label in zip(pictures, labels, strict=True):
        picture += (round_blob if label else bar)[..., None] * ((150, 90, 60) if label else (60, 90, 150))
    return pictures.clip(0, 255).astype(np.uint8), labels


def batches(n, seed, batch_size=16):
    return tf.data.Dataset.from_tensor_slices(synthetic(n, seed)).batch(batch_size)


def settings(**values):
    fast = {
        "epochs": 0,
        "fine_tune_epochs": 4,
        "batch_size": 16,
        "fine_tune_learning_rate": 3e-3,
        "patience": 0,
    }
    return TrainSettings(**{**fast, **values})


def tiny():
    return build_classifier(backbone="TinyConv", weights="none", image_size=32, dropout=0.1, seed=0)


def test_training_learns_and_leaves_the_best_weights(tmp_path):
    model, validation = tiny(), batches(48, 1)
    seen = []
    watch = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append((epoch, dict(logs))))
    history = fit_classifier(
        model,
        batches(96, 0),
        validation,
        settings=settings(epochs=2, fine_tune_epochs=8),
        pretrained=False,
        log_dir=tmp_path,
        callbacks=[watch],
    )
    assert set(history) == KEYS | {"best_epoch", "best_val_loss"}
    assert all(len(history[key]) == 10 for key in KEYS)
    assert history["loss"][-1] < 0.7 * history["loss"][0]
    assert [epoch for epoch, _ in seen] == list(range(10))
    assert "learning_rate" in seen[0][1]
    assert any(path.is_file() for path in tmp_path.rglob("events.out.tfevents.*"))

    best = int(history["best_epoch"][0]) - 1
    assert history["val_loss"][best] == min(history["val_loss"]) == history["best_val_loss"][0]
    loss, *_ = model.evaluate(validation, verbose=0)
    assert loss == pytest.approx(history["best_val_loss"][0], rel=1e-4)


def test_the_same_seed_gives_the_same_network():
    def train(seed):
        model = tiny()
        fit_classifier(
            model,
            batches(48, 0),
            batches(16, 1),
            settings=settings(fine_tune_epochs=2, seed=seed),
            pretrained=False,
        )
        return model.get_weights()

    first, again, other = train(0), train(0), train(1)
    assert all(np.allclose(a, b, atol=1e-5) for a, b in zip(first, again, strict=True))
    assert not all(np.allclose(a, b, atol=1e-5) for a, b in zip(first, other, strict=True))


def test_the_backbone_is_frozen_while_the_top_is_trained():
    model = tiny()
    before = backbone_of(model).get_weights()
    fit_classifier(
        model,
        batches(32, 0),
        batches(16, 1),
        settings=settings(epochs=2, fine_tune_epochs=0),
        pretrained=True,
    )
    for old, new in zip(before, backbone_of(model).get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_pretrained_statistics_survive_fine_tuning():
    model = tiny()
    norm = backbone_of(model).get_layer("bn1")
    before = norm.moving_mean.numpy()
    fit_classifier(
        model, batches(32, 0), batches(16, 1), settings=settings(fine_tune_epochs=1), pretrained=True
    )
    np.testing.assert_array_equal(norm.moving_mean.numpy(), before)


def test_patience_ends_training_early():
    flat = settings(fine_tune_epochs=30, fine_tune_learning_rate=1e-9, patience=2, warm_up=0.0)
    history = fit_classifier(tiny(), batches(32, 0), batches(16, 1), settings=flat, pretrained=True)
    assert len(history["loss"]) < 30


def test_endless_data_need_the_number_of_steps():
    history = fit_classifier(
        tiny(),
        batches(32, 0).repeat(),
        batches(16, 1),
        settings=settings(fine_tune_epochs=2),
        pretrained=False,
        steps_per_epoch=2,
    )
    assert len(history["loss"]) == 2


def test_a_loss_that_is_not_a_number_ends_training_with_its_step():
    pictures, labels = synthetic(64, 0)
    pictures = pictures.astype("float32")
    pictures[40] = np.nan  # in the third batch of 16; ReLU may hide it until the weights are hit
    data = tf.data.Dataset.from_tensor_slices((pictures, labels)).batch(16)
    with pytest.raises(TrainingDiverged, match=r"became nan at step [34] of epoch 1"):
        fit_classifier(tiny(), data, batches(16, 1), settings=settings(augment=["flips"]), pretrained=False)


def test_the_schedule_warms_up_and_decays():
    rates = []

    class Watch(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            rates.append(float(self.model.optimizer.learning_rate))

    fit_classifier(
        tiny(),
        batches(160, 0),
        batches(16, 1),
        settings=settings(fine_tune_epochs=2, warm_up=0.25),
        pretrained=False,
        callbacks=[Watch()],
    )
    assert len(rates) == 20 and rates[0] == 0.0 and rates[-1] < 0.1 * 3e-3
    assert max(rates) == rates[5] == pytest.approx(3e-3)


@pytest.mark.parametrize("shape", [(-1,), (-1, 1)])
def test_labels_are_smoothed_and_weighted(shape):
    data = batches(8, 0, 4).map(lambda x, y: (x, tf.reshape(y, shape)))
    prepared = prepare_training(
        data, settings=settings(label_smoothing=0.1, augment=False), class_weights=(0.5, 2.0), seed=0
    )
    pictures, labels, weights = next(iter(prepared))
    np.testing.assert_allclose(labels, [[0.95], [0.05], [0.05], [0.95]])
    np.testing.assert_allclose(weights, [2.0, 0.5, 0.5, 2.0])
    np.testing.assert_array_equal(pictures, synthetic(8, 0)[0][:4])


def test_every_epoch_varies_the_pictures_anew():
    prepared = prepare_training(batches(8, 0, 8), settings=settings(), class_weights=(1.0, 1.0), seed=0)
    first, second = (pictures.numpy() for pictures, *_ in prepared.take(2))
    assert (first != second).any()


def test_balanced_weights_average_one():
    spirals, ellipticals = balanced_weights((300, 100))
    assert spirals * 300 == ellipticals * 100 == 200
    with pytest.raises(ValueError, match="needs both classes"):
        balanced_weights((5, 0))


def test_counting():
    assert count_steps_and_classes(batches(33, 0)) == (3, (22, 11))


def test_no_data_is_said():
    with pytest.raises(ValueError, match="training set is empty"):
        fit_classifier(
            tiny(),
            batches(16, 0).take(0),
            batches(16, 1),
            settings=settings(class_weights=False),
            pretrained=False,
        )
