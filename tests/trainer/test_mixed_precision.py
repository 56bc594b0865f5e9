"""Which parts of a network compute in half precision under a mixed policy."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from transformed import synthetic

from trainer.backbones.efficientnet_stages import stage_repeats
from trainer.backbones.names import FACTS
from trainer.fit import fit
from trainer.model import FULL_PRECISION, backbone_of, build_classifier, set_trainable
from trainer.settings import ModelSettings, TrainSettings
from trainer.training_set import TrainingSet

LARGE = {f"EfficientNetB{number}" for number in range(3, 8)}
PICTURES = synthetic(4, 0)[0].astype("f4")


def classifier(backbone: str, policy: str, *, size: int = 32, weights: str = "none") -> keras.Model:
    settings = ModelSettings(backbone=backbone, weights=weights, stochastic_depth=0.0, dropout=0.0)
    return build_classifier(settings, image_size=size, policy=policy, seed=0)


@pytest.mark.parametrize(
    "backbone", [pytest.param(name, marks=[pytest.mark.slow] * (name in LARGE)) for name in FACTS]
)
def test_the_policy_of_every_layer(backbone):
    model = classifier(backbone, "mixed_bfloat16")
    policies = {layer.name: layer.dtype_policy.name for layer in backbone_of(model).layers}
    full = {layer.name for layer in backbone_of(model).layers if isinstance(layer, FULL_PRECISION)}
    assert {name for name, policy in policies.items() if policy == "float32"} == full
    assert set(policies.values()) == {"float32", "mixed_bfloat16"}
    facts = FACTS[backbone]
    if facts.family != "tinyconv":
        blocks = sum(stage_repeats(facts.depth, lite=facts.family == "efficientnet-lite"))
        assert sum(name.endswith("dwconv") for name in full) == blocks
    assert {weight.dtype for weight in model.trainable_weights} == {"float32"}
    assert model.dtype_policy.name == "mixed_bfloat16"  # Keras scales the loss by this one
    assert model.output.dtype == "float32"


@pytest.mark.parametrize("backbone", ["EfficientNetB0", "EfficientNetLite0"])
@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_the_operations_of_a_step_and_their_types(backbone, policy):
    model, half = classifier(backbone, policy), policy.removeprefix("mixed_")
    set_trainable(model, start="stem", pretrained=True)

    @tf.function(autograph=False)
    def gradients(pictures):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(model(pictures, training=True))
        return tape.gradient(loss, model.trainable_weights)

    found: dict[str, set[str]] = {}
    for operation in gradients.get_concrete_function(tf.constant(PICTURES)).graph.get_operations():
        if operation.outputs and "onv2" in operation.type:
            found.setdefault(operation.type, set()).add(operation.outputs[0].dtype.name)
    kinds = ("DepthwiseConv2dNative", "Conv2D")
    for kind, type_ in zip(kinds, ("float32", half), strict=True):
        for pass_ in ("", "BackpropInput", "BackpropFilter"):
            assert found[kind + pass_] == {type_}


@pytest.mark.parametrize("backbone", ["EfficientNetB0", "EfficientNetLite0"])
@pytest.mark.parametrize(("policy", "tolerance"), [("mixed_bfloat16", 0.08), ("mixed_float16", 0.01)])
def test_the_maps_agree_with_full_precision(backbone, policy, tolerance):
    """With learned weights if there are any; random networks amplify rounding, so only first blocks."""
    full, mixed = (
        backbone_of(classifier(backbone, each, size=64, weights="imagenet" if "Lite" in backbone else "none"))
        for each in ("float32", policy)
    )
    pictures = np.random.default_rng(0).uniform(0, 255, (8, 64, 64, 3)).astype("f4")
    scaled = pictures if backbone == "EfficientNetB0" else pictures / 127.5 - 1
    if backbone == "EfficientNetB0":
        for layer in full.layers:
            if isinstance(layer, keras.layers.BatchNormalization):
                layer.momentum = 0.0
        full(scaled, training=True)
    for one, other in zip(full.weights, mixed.weights, strict=True):
        assert one.shape == other.shape and one.name == other.name
        other.assign(one)
    if backbone == "EfficientNetB0":
        full, mixed = (keras.Model(x.input, x.get_layer("block2b_add").output) for x in (full, mixed))
    expected, found = (np.asarray(keras.ops.cast(x(scaled), "float32")) for x in (full, mixed))
    assert np.linalg.norm(found - expected) < tolerance * np.linalg.norm(expected)


def test_weights_go_from_one_precision_to_another(tmp_path):
    first = classifier("EfficientNetLite0", "mixed_bfloat16")
    path = tmp_path / "backbone.weights.h5"
    for weight in backbone_of(first).weights:
        weight.assign(weight + 0.01)
    backbone_of(first).save_weights(path)
    second = classifier("EfficientNetLite0", "float32")
    backbone_of(second).load_weights(path)
    for one, other in zip(backbone_of(first).weights, backbone_of(second).weights, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_a_few_steps_lower_the_loss(policy):
    model = classifier("EfficientNetLite0", policy)
    pictures, labels = synthetic(16, 0)
    batches = tf.data.Dataset.from_tensors((pictures, labels.astype("f4"))).repeat()
    data = TrainingSet(lambda first_epoch: batches, 2, (10, 6))
    settings = TrainSettings(batch_size=16, patience=0, warm_up=0.0)
    history = fit(model, data, None, epochs=4, learning_rate=1e-3, settings=settings)
    assert np.isfinite(history["loss"]).all() and history["loss"][-1] < history["loss"][0]
    scaled = isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer)
    assert scaled == (policy == "mixed_float16")
