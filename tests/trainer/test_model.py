import keras
import numpy as np
import pytest

from evaluation.calibration import with_temperature
from trainer.augment import dihedral
from trainer.backbone import scale_pixels
from trainer.model import OUTPUT, averaged, backbone_of, build_classifier, feature_extractor, set_trainable
from trainer.settings import ModelSettings

PICTURES = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), np.uint8)


def tiny(*, image_size=32, policy="float32", seed=0, **values):
    settings = ModelSettings(**{"backbone": "TinyConv", "weights": "none"} | values)
    return build_classifier(settings, image_size=image_size, policy=policy, seed=seed)


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
    model = tiny(backbone=backbone)
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
    set_trainable(model, start="stem", pretrained=True)
    assert backbone_of(model).trainable and not any(layer.trainable for layer in norms(model))
    np.testing.assert_array_equal(model(PICTURES, training=True), model(PICTURES, training=False))
    assert len(model.trainable_weights) == 3 + 2 + 2


def test_a_random_network_trains_all_of_itself():
    model = tiny()
    set_trainable(model, start="stem", pretrained=False)
    assert all(layer.trainable for layer in norms(model))
    assert len(model.trainable_weights) == 3 + 2 + 6 + 2


@pytest.mark.parametrize("backbone", ["EfficientNetLite0", "EfficientNetB0", "TinyConv"])
def test_batch_norm_of_a_random_network_keeps_up(backbone):
    model = tiny(backbone=backbone)
    first = norms(model)[0]
    before = keras.Model(backbone_of(model).input, first.input)
    expected = 0.1 * np.mean(before(scale_pixels(backbone, PICTURES.astype("f4"))), axis=(0, 1, 2))
    model(PICTURES, training=True)
    np.testing.assert_allclose(first.moving_mean.numpy(), expected, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("backbone", ["EfficientNetB0", "EfficientNetLite0"])
def test_the_upper_blocks_alone(backbone):
    model = tiny(backbone=backbone)
    set_trainable(model, start="block6", pretrained=True)
    layers = [layer for layer in backbone_of(model).layers if layer.trainable and layer.trainable_weights]
    assert {layer.name.split("_")[0][:6] for layer in layers} == {"block6", "block7", "top"}
    set_trainable(model, start="stem", pretrained=True)
    assert any(layer.name.startswith("stem") and layer.trainable for layer in backbone_of(model).layers)
    with pytest.raises(ValueError, match="fine_tune_from: tinyconv has no block3"):
        set_trainable(tiny(), start="block3", pretrained=True)


@pytest.mark.parametrize("backbone", ["EfficientNetB0", "EfficientNetLite0"])
def test_stochastic_depth_rises_to_its_rate(backbone):
    def rates(value):
        inner = backbone_of(tiny(backbone=backbone, stochastic_depth=value)).layers
        return [layer.rate for layer in inner if layer.name.endswith("_drop")]

    usual = rates(0.2)
    assert usual == sorted(usual) and 0 < usual[0] < usual[-1] < 0.2
    np.testing.assert_allclose(rates(0.4), 2 * np.array(usual))
    assert set(rates(0.0)) == {0.0}


def test_the_mean_over_classifiers_and_symmetries():
    first, second = tiny(seed=0), tiny(seed=1)
    assert averaged([first]) is first
    pictures = PICTURES.astype("f4")
    mean = averaged([first, second], 8)
    each = [m(dihedral(pictures, np.full(3, view))) for m in (first, second) for view in range(8)]
    np.testing.assert_allclose(mean(pictures), np.mean(each, axis=0), atol=1e-6)
    turned = np.rot90(pictures, axes=(1, 2))
    np.testing.assert_allclose(mean(pictures), mean(turned), atol=1e-6)


def test_each_classifier_is_scaled_after_its_views_and_before_the_mean():
    members = [tiny(seed=0), tiny(seed=1)]
    pictures = PICTURES.astype("f4")
    of_members = [averaged([member], 8)(pictures).numpy() for member in members]
    expected = np.mean([with_temperature(p, 0.3) for p in of_members], axis=0)
    np.testing.assert_allclose(averaged(members, 8, 0.3)(pictures), expected, atol=1e-6)
    assert np.abs(expected - averaged(members, 8)(pictures)).max() > 1e-3


def test_features_are_the_input_of_the_head():
    model = tiny()
    assert feature_extractor(model)(PICTURES.astype("f4")).shape == (3, 64)


def test_backbone_of_wants_exactly_one():
    with pytest.raises(ValueError, match="holds 0 backbones"):
        backbone_of(backbone_of(tiny()))
