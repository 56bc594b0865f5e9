import keras
import numpy as np
import pytest
import tensorflow as tf

from trainer.optimizer import FusedAdamW, adamw
from trainer.settings import TrainSettings

SHAPES = {"kernel": (5, 3), "bias": (3,), "gamma": (2, 2, 1)}


def variables():
    random = np.random.default_rng(0)
    return [
        keras.Variable(random.normal(size=shape), name=name, dtype="float32")
        for name, shape in SHAPES.items()
    ]


def course(optimizer, steps: int, largest: float) -> list[np.ndarray]:
    """Return the variables, and the optimizer's own, after some steps in a graph."""
    random = np.random.default_rng(1)
    trained = variables()
    optimizer.build(trained)

    @tf.function(autograph=False)
    def step(*gradients):
        optimizer.apply_gradients(zip(gradients, trained, strict=True))

    for _ in range(steps):
        step(*(tf.constant(largest * random.normal(size=shape), tf.float32) for shape in SHAPES.values()))
    return [np.asarray(variable) for variable in (*trained, *optimizer.variables)]


@pytest.mark.parametrize("largest", [0.01, 10.0])  # below and above the norm at which gradients are clipped
@pytest.mark.parametrize("scaled", [False, True])
def test_the_steps_are_those_of_keras(largest, scaled):
    settings = TrainSettings(warm_up=0.25, weight_decay=0.3)
    ours = adamw(0.05, 12, settings)
    theirs = keras.optimizers.AdamW(ours._learning_rate, weight_decay=0.3, global_clipnorm=1.0)
    theirs.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    pair = [keras.optimizers.LossScaleOptimizer(x) if scaled else x for x in (ours, theirs)]
    found, expected = (course(optimizer, 8, largest * (2**15 if scaled else 1)) for optimizer in pair)
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        assert np.linalg.norm(one - other) <= 5e-5 * np.linalg.norm(other)
    assert np.abs(found[0] - np.asarray(variables()[0])).max() > 0.1


def test_few_operations_for_each_variable():
    trained = [keras.Variable(np.ones(3), name=f"kernel{number}", dtype="float32") for number in range(50)]
    optimizer = adamw(0.1, 10, TrainSettings())
    optimizer.build(trained)

    @tf.function(autograph=False)
    def step():
        optimizer.apply_gradients([(tf.ones(3), variable) for variable in trained])

    assert len(step.get_concrete_function().graph.get_operations()) < 50 * 20
    step()


def test_it_is_saved_like_any_other():
    again = keras.optimizers.deserialize(keras.optimizers.serialize(adamw(0.1, 10, TrainSettings())))
    assert isinstance(again, FusedAdamW) and again.global_clipnorm == 1.0
