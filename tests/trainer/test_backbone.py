import hashlib
import re

import h5py
import keras
import numpy as np
import pytest
from keras.src.legacy.saving import legacy_h5_format

from trainer import backbone as backbones
from trainer.backbone import build_backbone, scale_pixels
from trainer.backbones.names import FACTS
from trainer.weights.imagenet import checkpoint_path

MEAN, STD = np.array((0.485, 0.456, 0.406)), np.array((0.229, 0.224, 0.225))
PICTURES = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3)).astype("float32")


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """A substitute for ``efficientnetb0_notop.h5``: same layout and normalisation, random weights."""
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


@pytest.mark.parametrize("name", ["EfficientNetB0", "EfficientNetLite0", "TinyConv"])
def test_random_weights_and_any_size(name):
    network = build_backbone(name, weights="none", image_size=64)
    assert network.input_shape == (None, 64, 64, 3)
    assert network.count_params() > 0


@pytest.mark.parametrize("name", ["EfficientNetB0", "EfficientNetB7"])
def test_native_sizes_are_those_of_keras_applications(name):
    network = getattr(keras.applications, name)(weights=None)
    assert network.input_shape[1] == FACTS[name].native_size


def test_keras_applications_and_a_file_of_the_same_weights_agree(published, monkeypatch):
    """The network is that of ``keras.applications`` with "imagenet", from a path and from the download."""
    monkeypatch.setattr(keras.src.utils.file_utils, "get_file", lambda *args, **kwargs: str(published))
    theirs = keras.applications.EfficientNetB0(include_top=False, input_shape=(32, 32, 3))
    expected = theirs(PICTURES, training=False).numpy()
    ours = build_backbone("EfficientNetB0", weights=str(published), image_size=32)
    np.testing.assert_allclose(ours(PICTURES, training=False), expected, atol=1e-4 * np.abs(expected).max())

    monkeypatch.setattr(keras.utils, "get_file", lambda *args, **kwargs: str(published))
    downloaded = build_backbone("EfficientNetB0", image_size=32)
    np.testing.assert_array_equal(ours(PICTURES), downloaded(PICTURES))


def test_the_normalisation_is_corrected_only_once(published, tmp_path):
    """Weights that are saved and loaded again are not corrected a second time."""
    network = build_backbone("EfficientNetB0", weights=str(published), image_size=32)
    expected = network(PICTURES, training=False)
    for file in ("own.weights.h5", "own.keras"):
        path = tmp_path / file
        network.save(path) if file.endswith(".keras") else network.save_weights(path)
        network = build_backbone("EfficientNetB0", weights=str(path), image_size=32)
        np.testing.assert_array_equal(network(PICTURES, training=False), expected)
        (layer,) = (layer for layer in network.layers if isinstance(layer, keras.layers.Normalization))
        np.testing.assert_allclose(layer.adapt_variance, STD**2, rtol=1e-6)


@pytest.mark.parametrize("name", ["EfficientNetB0", "EfficientNetLite0", "TinyConv"])
def test_a_saved_backbone_serves_at_another_size(published, tmp_path, name):
    weights = {"EfficientNetB0": str(published), "EfficientNetLite0": "imagenet", "TinyConv": "none"}[name]
    small = build_backbone(name, weights=weights, image_size=32)
    small.trainable = False  # as while the head is trained; it must not change the order in the file
    small.save_weights(tmp_path / "own.weights.h5")

    large = build_backbone(name, weights=str(tmp_path / "own.weights.h5"), image_size=64)
    assert_same_weights(large, small)
    # What the same weights give without the detour over a file.
    expected = keras.models.clone_model(large)
    expected.set_weights(small.get_weights())
    for layer in expected.layers:
        if isinstance(layer, keras.layers.Normalization):
            layer.finalize_state()
    pictures = np.random.default_rng(5).integers(0, 256, (2, 64, 64, 3)).astype("float32")
    np.testing.assert_array_equal(large(pictures, training=False), expected(pictures, training=False))


def assert_same_weights(ours, theirs):
    for one, other in zip(ours.layers, theirs.layers, strict=True):
        for array, expected in zip(one.weights, other.weights, strict=True):
            np.testing.assert_array_equal(array, expected, err_msg=f"{one.name}: {array.path}")


def test_every_kind_of_file_that_keras_writes(tmp_path):
    keras.utils.set_random_seed(6)
    network = build_backbone("TinyConv", weights="none", image_size=32)
    network.save_weights(tmp_path / "w.weights.h5")
    network.save(tmp_path / "w.keras")
    network.save(tmp_path / "whole.h5")
    with h5py.File(tmp_path / "layers.h5", "w") as file:
        legacy_h5_format.save_weights_to_hdf5_group(file, network)
    for file in ("w.weights.h5", "w.keras", "whole.h5", "layers.h5"):
        again = build_backbone("TinyConv", weights=str(tmp_path / file), image_size=96)
        assert_same_weights(again, network)


def test_the_published_file_with_its_head_is_accepted(tmp_path):
    keras.utils.set_random_seed(7)
    whole = keras.applications.EfficientNetB0(weights=None)
    with h5py.File(tmp_path / "efficientnetb0.h5", "w") as file:
        legacy_h5_format.save_weights_to_hdf5_group(file, whole)
    whole.save_weights(tmp_path / "whole.weights.h5")
    for file in ("efficientnetb0.h5", "whole.weights.h5"):
        network = build_backbone("EfficientNetB0", weights=str(tmp_path / file), image_size=32)
        assert "predictions" not in {layer.name for layer in network.layers}
        np.testing.assert_array_equal(
            network.get_layer("top_conv").kernel, whole.get_layer("top_conv").kernel
        )
        np.testing.assert_array_equal(
            network.get_layer("block4b_se_reduce").bias, whole.get_layer("block4b_se_reduce").bias
        )


@pytest.mark.parametrize("file", ["former.keras", "former.weights.h5"])
def test_the_backbone_of_a_classifier_file_is_used(tmp_path, file):
    network = build_backbone("TinyConv", weights="none", image_size=32)
    pictures = keras.Input((32, 32, 3))
    features = keras.layers.GlobalAveragePooling2D()(network(scale_pixels("TinyConv", pictures)))
    features = keras.layers.Dropout(0.5)(features)  # keeps the state of its random numbers in the file
    classifier = keras.Model(pictures, keras.layers.Dense(1, "sigmoid")(features))
    classifier.compile("adam", "binary_crossentropy")
    classifier.fit(PICTURES, np.array([0, 1]), verbose=0)  # fills the optimizer's state
    classifier.save(tmp_path / file) if file.endswith(".keras") else classifier.save_weights(tmp_path / file)
    again = build_backbone("TinyConv", weights=str(tmp_path / file), image_size=32)
    assert_same_weights(again, network)


def test_a_torch_file_gives_the_same_weights_as_the_package():
    path = checkpoint_path(FACTS["EfficientNetLite0"])
    by_path = build_backbone("EfficientNetLite0", weights=str(path), image_size=32)
    by_name = build_backbone("EfficientNetLite0", image_size=32)
    np.testing.assert_array_equal(by_path(PICTURES), by_name(PICTURES))


def refusal(name, path):
    with pytest.raises(ValueError, match=f"^no weights for {name}: {re.escape(str(path))} ") as caught:
        build_backbone(name, weights=str(path), image_size=32)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_weights_of_another_network_are_refused(published, tmp_path):
    problem = refusal("EfficientNetB2", published)
    assert "holds weights of EfficientNetB0, not of EfficientNetB2: layer block1b_dwconv" in problem
    build_backbone("TinyConv", weights="none", image_size=32).save(tmp_path / "tiny.keras")
    assert "layer stem_conv has shape (3, 3, 3, 8) where (3, 3, 3, 32) is needed" in refusal(
        "EfficientNetLite0", tmp_path / "tiny.keras"
    )
    lite = checkpoint_path(FACTS["EfficientNetLite1"])
    assert "holds weights of EfficientNetLite1" in refusal("EfficientNetLite0", lite)


def test_a_file_that_is_cut_short_is_refused(published, tmp_path):
    (tmp_path / "half.h5").write_bytes(published.read_bytes()[:1_000_000])
    assert "is cut short or damaged" in refusal("EfficientNetB0", tmp_path / "half.h5")


def test_a_network_is_never_loaded_in_part(tmp_path):
    """Only the last layer is wrong; Keras would assign all others before it raises."""
    keras.utils.set_random_seed(8)
    build_backbone("TinyConv", weights="none", image_size=32).save_weights(tmp_path / "w.weights.h5")
    with h5py.File(tmp_path / "w.weights.h5", "a") as file:
        bias = file["layers/conv2d_3/vars/1"]
        bias[7] = np.nan
    network = build_backbone("TinyConv", weights="none", image_size=32)
    before = network.get_weights()
    with pytest.raises(ValueError, match="not finite, first in layer conv4"):
        backbones._load_file(network, "TinyConv", tmp_path / "w.weights.h5")
    for old, new in zip(before, network.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


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
    monkeypatch.setattr(backbones, "_load_file", lambda model, name, path: None)
    build_backbone("EfficientNetB1", image_size=32)
    assert asked["file_hash"] == FACTS["EfficientNetB1"].keras_md5
    assert asked["args"][1].endswith("/keras-applications/efficientnetb1_notop.h5")


def test_a_download_that_fails_is_told_in_one_sentence(monkeypatch):
    def fail(*args, **kwargs):
        raise Exception("URL fetch failure on https://...: None -- [Errno -2] Name or service not known")

    monkeypatch.setattr(keras.utils, "get_file", fail)
    with pytest.raises(
        ValueError, match=r"EfficientNetB1 could not be downloaded \(URL fetch failure"
    ) as caught:
        build_backbone("EfficientNetB1", image_size=32)
    assert "`galmorph fetch weights EfficientNetB1`" in str(caught.value)
    assert "\n" not in str(caught.value)
