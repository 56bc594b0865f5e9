import keras
import numpy as np
import pytest

from trainer.model import OUTPUT, backbone_of, build_classifier, set_trainable

PICTURES = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), np.uint8)


def tiny(**values):
    return build_classifier(
        **{"backbone": "TinyConv", "weights": "none", "image_size": 32, "seed": 0, **values}
    )


def norms(model):
    return [x for x in backbone_of(model).layers if isinstance(x, keras.layers.BatchNormalization)]


def test_one_probability_for_each_picture():
    model = tiny()
    assert model.input_shape == (None, 32, 32, 3)
    assert model.output_names == [OUTPUT]
    p = model.predict(PICTURES, verbose=0)
    assert p.shape == (3, 1) and p.dtype == np.float32
    assert ((p > 0) & (p < 1)).all()


def test_bytes_and_floats_are_the_same_picture():
    model = tiny()
    np.testing.assert_allclose(model(PICTURES), model(PICTURES.astype("float32")), rtol=1e-6)


def test_the_seed_decides_the_weights():
    first, same, other = tiny(), tiny(), tiny(seed=1)
    np.testing.assert_array_equal(first(PICTURES), same(PICTURES))
    assert np.abs(np.asarray(first(PICTURES)) - other(PICTURES)).max() > 0


@pytest.mark.parametrize("backbone", ["EfficientNetB0", "EfficientNetLite0", "TinyConv"])
def test_save_and_reload(backbone, tmp_path):
    model = build_classifier(backbone=backbone, weights="none", image_size=32, seed=0)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras", compile=False)
    np.testing.assert_allclose(model(PICTURES), again(PICTURES), rtol=1e-5)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_ends_in_full_precision_and_leaves_no_trace(policy):
    before = keras.config.dtype_policy().name
    model = tiny(policy=policy)
    assert backbone_of(model).layers[1].compute_dtype == policy.removeprefix("mixed_")
    assert model.output.dtype == "float32"
    assert keras.config.dtype_policy().name == before
    assert np.abs(model(PICTURES).numpy() - tiny()(PICTURES).numpy()).max() < 0.02


def test_a_failed_build_puts_the_policy_back():
    with pytest.raises(ValueError):
        tiny(policy="mixed_bfloat16", image_size=16)
    assert keras.config.dtype_policy().name == "float32"


def test_pretrained_batch_norm_stays_in_inference_mode():
    model = tiny(dropout=0.0)
    set_trainable(model, top_only=False, pretrained=True)
    assert backbone_of(model).trainable and not any(layer.trainable for layer in norms(model))
    np.testing.assert_array_equal(model(PICTURES, training=True), model(PICTURES, training=False))


def test_a_random_network_trains_all_of_itself_even_in_the_first_phase():
    model = tiny()
    for top_only in (True, False):
        set_trainable(model, top_only=top_only, pretrained=False)
        assert all(layer.trainable for layer in norms(model))
        assert len(model.trainable_weights) == 3 + 2 + 6 + 2


def test_the_top_alone():
    model = tiny()
    set_trainable(model, top_only=True, pretrained=True)
    assert [variable.path for variable in model.trainable_weights] == [f"{OUTPUT}/kernel", f"{OUTPUT}/bias"]
    set_trainable(model, top_only=False, pretrained=True)
    assert len(model.trainable_weights) == 3 + 2 + 2


def test_backbone_of_wants_exactly_one():
    with pytest.raises(ValueError, match="holds 0 backbones"):
        backbone_of(backbone_of(tiny()))
