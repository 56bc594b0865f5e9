import keras
import numpy as np
import pytest
import tensorflow as tf
from transformed import synthetic

from trainer.frozen_norms import frozen_norms
from trainer.model import backbone_of, build_classifier, set_trainable
from trainer.settings import ModelSettings

PICTURES = synthetic(4, 0)[0].astype("f4")


def classifier(policy: str = "float32", *, pretrained: bool = True) -> keras.Model:
    """Return a tiny classifier whose batch norms have statistics of their own."""
    model = build_classifier(
        ModelSettings(backbone="TinyConv", weights="none"), image_size=32, policy=policy, seed=0
    )
    random = np.random.default_rng(0)
    for layer in backbone_of(model).layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.set_weights([random.uniform(0.5, 2.0, weight.shape) for weight in layer.get_weights()])
    set_trainable(model, start="stem", pretrained=pretrained)
    return model


@pytest.mark.parametrize(("policy", "tolerance"), [("float32", 1e-6), ("mixed_bfloat16", 2e-3)])
def test_outputs_and_gradients_stay(policy, tolerance):
    model = classifier(policy)

    def answer():
        with tf.GradientTape() as tape:
            p_elliptical = model(PICTURES, training=False)
        return [p_elliptical, *tape.gradient(p_elliptical, model.trainable_weights)]

    expected = answer()
    with frozen_norms(model):
        found = answer()
    for one, other in zip(found, expected, strict=True):
        assert np.linalg.norm(one - other) <= 10 * tolerance * np.linalg.norm(other) + 1e-9
    for one, other in zip(answer(), expected, strict=True):
        np.testing.assert_array_equal(one, other)


def test_fewer_operations():
    def operations(model):
        traced = tf.function(lambda pictures: model(pictures, training=True), autograph=False)
        return len(traced.get_concrete_function(tf.constant(PICTURES)).graph.get_operations())

    frozen, learning = classifier(), classifier(pretrained=False)
    before = operations(frozen), operations(learning)
    with frozen_norms(frozen), frozen_norms(learning):
        assert operations(frozen) <= before[0] - 3 * 5
        assert operations(learning) == before[1]


def test_nothing_traced_within_is_kept():
    model = classifier()
    model.compile(loss="binary_crossentropy")
    labels = np.array([[0.0], [1.0], [0.0], [1.0]])
    with frozen_norms(model):
        before = model.evaluate(PICTURES, labels, verbose=0)
    for layer in backbone_of(model).layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.set_weights([weight * 0.5 for weight in layer.get_weights()])
    assert abs(model.evaluate(PICTURES, labels, verbose=0) - before) > 1e-3


def test_other_models_stay_as_they_are():
    model = keras.Sequential([keras.Input((3,)), keras.layers.BatchNormalization(trainable=False)])
    with frozen_norms(model):
        assert "call" not in vars(model.layers[0])
