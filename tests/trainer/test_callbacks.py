import keras
import numpy as np
import pytest

from trainer.callbacks import KeepBest, StopOnNaN, TrainingDiverged, has_finite_weights


def model_and(callback):
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    callback.set_model(model)
    return model


def test_the_best_weights_are_kept():
    best = KeepBest(patience=0)
    model = model_and(best)
    for epoch, loss in enumerate((3.0, 1.0, 2.0)):
        model.set_weights([np.full((1, 1), float(epoch)), np.zeros(1)])
        best.on_epoch_end(epoch, {"val_loss": loss})
    best.restore(model)
    assert model.get_weights()[0].item() == 1.0
    assert (best.best_epoch, best.best_loss, best.waited) == (1, 1.0, 1)


def test_early_stopping():
    best = KeepBest(patience=2)
    model = model_and(best)
    model.stop_training = False
    for epoch, loss in enumerate((1.0, 2.0)):
        best.on_epoch_end(epoch, {"val_loss": loss})
    assert not model.stop_training
    best.on_epoch_end(2, {"val_loss": float("nan")})  # not a number is no improvement
    assert model.stop_training and best.waited == 2


def test_nothing_to_restore_is_a_divergence():
    best = KeepBest(patience=2)
    model = model_and(best)
    best.on_epoch_end(0, {"val_loss": float("nan")})
    best.on_epoch_end(1, {"val_loss": float("inf")})
    with pytest.raises(TrainingDiverged, match="no epoch, from 1 to 2, had a finite validation loss"):
        best.restore(model)


@pytest.mark.parametrize("loss", [float("nan"), float("inf")])
def test_a_loss_that_is_not_finite_names_its_step(loss):
    watch = StopOnNaN()
    model_and(watch)
    watch.on_epoch_begin(1)
    watch.on_train_batch_end(35, {"loss": 0.5})
    with pytest.raises(TrainingDiverged, match=r"at step 37 of epoch 2, at learning rate 0\.01"):
        watch.on_train_batch_end(36, {"loss": loss})


@pytest.mark.parametrize("bad", [float("nan"), float("-inf")])
def test_weights_that_are_not_finite_end_training_though_the_loss_was(bad):
    watch = StopOnNaN()
    model = model_and(watch)
    watch.on_epoch_begin(1)
    watch.on_train_batch_end(36, {"loss": 0.5})
    watch.on_epoch_end(1, {"loss": 0.5})
    model.set_weights([np.ones((1, 1)), np.array([bad])])
    with pytest.raises(TrainingDiverged, match=r"weights .* at step 37 of epoch 2, at learning rate 0\.01"):
        watch.on_epoch_end(1, {"loss": 0.5})


def test_the_statistics_of_a_batch_norm_count_as_weights():
    model = keras.Sequential([keras.Input((2,)), keras.layers.BatchNormalization()])
    assert has_finite_weights(model)
    model.layers[0].moving_variance.assign([1.0, np.inf])
    assert not has_finite_weights(model)


def test_the_learning_rate_named_is_not_that_after_the_last_step():
    watch = StopOnNaN()
    model = model_and(watch)
    watch.on_epoch_begin(0)
    model.optimizer.learning_rate = 0.0
    with pytest.raises(TrainingDiverged, match=r"at learning rate 0\.01"):
        watch.on_train_batch_end(0, {"loss": float("nan")})
