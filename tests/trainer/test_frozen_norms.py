from collections import Counter

import keras
import numpy as np
import pytest
import tensorflow as tf
from transformed import synthetic

from trainer.frozen_norms import folded_norms, frozen_norms
from trainer.model import backbone_of, build_classifier, set_trainable
from trainer.settings import ModelSettings

PICTURES = synthetic(4, 0)[0].astype("f4")


def classifier(
    policy: str = "float32", *, pretrained: bool = True, backbone: str = "TinyConv"
) -> keras.Model:
    """Return a small classifier whose batch norms have statistics of their own."""
    model = build_classifier(
        ModelSettings(backbone=backbone, weights="none"), image_size=32, policy=policy, seed=0
    )
    disturb(backbone_of(model))
    set_trainable(model, start="stem", pretrained=pretrained)
    return model


def disturb(network: keras.Model) -> None:
    random = np.random.default_rng(0)
    for layer in network.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.set_weights([random.uniform(0.5, 2.0, weight.shape) for weight in layer.get_weights()])


def operations(model, *, training: bool) -> Counter:
    """Return how many operations of each kind a graph of the model has."""
    traced = tf.function(lambda pictures: model(pictures, training=training), autograph=False)
    graph = traced.get_concrete_function(tf.constant(PICTURES)).graph
    return Counter(operation.type for operation in graph.get_operations())


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
    frozen, learning = classifier(), classifier(pretrained=False)
    before = operations(frozen, training=True), operations(learning, training=True)
    with frozen_norms(frozen), frozen_norms(learning):
        assert operations(frozen, training=True).total() <= before[0].total() - 3 * 5
        assert operations(learning, training=True) == before[1]


@pytest.mark.parametrize("backbone", ["EfficientNetLite0", "EfficientNetB0", "TinyConv"])
def test_folding_changes_only_the_rounding(backbone):
    model = classifier(backbone=backbone, pretrained=False)
    expected = model(PICTURES, training=False)
    weights = model.get_weights()
    with folded_norms(model):
        found = tf.function(lambda pictures: model(pictures, training=False), autograph=False)(PICTURES)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    np.testing.assert_array_equal(model(PICTURES, training=False), expected)
    for one, other in zip(model.get_weights(), weights, strict=True):
        np.testing.assert_array_equal(one, other)


def test_nothing_of_a_folded_norm_is_left_in_the_graph():
    model = classifier(backbone="EfficientNetLite0", pretrained=False)
    norms = sum(isinstance(layer, keras.layers.BatchNormalization) for layer in backbone_of(model).layers)
    with folded_norms(model):
        found = operations(model, training=False)
    assert found["BiasAdd"] == norms
    assert not found["Rsqrt"]
    # One kernel and one bias each, and those of the output.
    assert found["ReadVariableOp"] == 2 * norms + 2


def other_uses(norm: keras.layers.Layer, convolution: keras.layers.Layer, *, keep: bool) -> keras.Model:
    """Return a network whose batch norm must, or can, not be folded."""
    pictures = keras.Input((32, 32, 3))
    x = convolution(pictures)
    answer = keras.layers.GlobalAveragePooling2D()(norm(x))
    outputs = [answer, x] if keep else answer
    return keras.Model(pictures, outputs)


@pytest.mark.parametrize(
    ("convolution", "keep", "folds"),
    [
        ({"use_bias": False}, True, False),
        ({"use_bias": True}, False, False),
        ({"use_bias": False, "activation": "relu"}, False, False),
        ({"use_bias": False, "dtype": "mixed_bfloat16"}, False, False),
        ({"use_bias": False, "strides": 2, "padding": "same", "groups": 3}, False, True),
        ({"use_bias": False, "dilation_rate": 2}, False, True),
    ],
)
def test_convolutions_of_every_kind_before_a_norm(convolution, keep, folds):
    norm = keras.layers.BatchNormalization(epsilon=0.01)
    layer = keras.layers.Conv2D(6, 3, bias_initializer="random_normal", **convolution)
    model = other_uses(norm, layer, keep=keep)
    disturb(model)
    expected = model(PICTURES / 255, training=False)
    with folded_norms(model):
        found = model(PICTURES / 255, training=False)
        assert ("call" in vars(layer)) == folds
    for one, other in zip(tf.nest.flatten(found), tf.nest.flatten(expected), strict=True):
        np.testing.assert_allclose(tf.cast(one, "float32"), tf.cast(other, "float32"), rtol=1e-5, atol=1e-5)


def test_depthwise_filters_and_networks_within():
    layers = keras.layers
    pictures = keras.Input((32, 32, 3))
    depthwise = layers.DepthwiseConv2D(3, 2, depth_multiplier=2, padding="same", use_bias=False)
    inner = keras.Model(pictures, layers.BatchNormalization()(depthwise(pictures)))
    outer = keras.Model(pictures, layers.GlobalAveragePooling2D()(inner(pictures)))
    disturb(inner)
    expected = outer(PICTURES / 255, training=False)
    with folded_norms(outer):
        assert "call" in vars(depthwise)
        np.testing.assert_allclose(outer(PICTURES / 255, training=False), expected, rtol=1e-5)
    assert "call" not in vars(depthwise)


def test_predictions_follow_the_weights():
    model = classifier(pretrained=False)
    model.compile(loss="binary_crossentropy")
    with folded_norms(model):
        before = model.predict(PICTURES, verbose=0)
    backbone = backbone_of(model)
    backbone.set_weights([weight * 0.5 for weight in backbone.get_weights()])
    expected = model(PICTURES, training=False)
    assert np.abs(before - expected).max() > 1e-3
    with folded_norms(model):
        np.testing.assert_allclose(model.predict(PICTURES, verbose=0), expected, atol=1e-5)


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
