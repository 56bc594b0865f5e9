import keras
import numpy as np
import pytest

from trainer.callbacks import KeepBest, StopOnNaN, TrainingDiverged


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


def test_patience_ends_training():
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
    with pytest.raises(TrainingDiverged, match="no epoch"):
        best.restore(model)


@pytest.mark.parametrize("loss", [float("nan"), float("inf")])
def test_a_loss_that_is_not_finite_names_its_step(loss):
    watch = StopOnNaN()
    model_and(watch)
    watch.on_epoch_begin(1)
    watch.on_train_batch_end(35, {"loss": 0.5})
    with pytest.raises(TrainingDiverged, match=r"at step 37 of epoch 2, at learning rate 0\.01"):
        watch.on_train_batch_end(36, {"loss": loss})
