import numpy as np
import pytest
from transformed import recipe, synthetic, write_split

from trainer import backbone_features
from trainer.augment import dihedral
from trainer.backbone_features import FeatureCache, FeatureStore, compute_features, features_key
from trainer.fine_tune import start_classifier
from trainer.model import feature_extractor
from trainer.settings import ModelSettings


@pytest.fixture(scope="module")
def model():
    return start_classifier(recipe(), None)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("transformed")
    return {"train": write_split(folder, "train", 13, 0), "val": write_split(folder, "val", 5, 1)}


def compute(model, files, folder, cache=None, views=8):
    folder.mkdir()
    computed = compute_features(model, files, folder, views=views, batch_size=4, cache=cache)
    return FeatureStore.load(folder), computed


def test_they_are_those_of_the_network_for_each_symmetry(model, files, tmp_path):
    found, computed = compute(model, files, tmp_path / "features")
    assert computed == 18 and found.values.shape == (18, 8, 64) and found.values.dtype == np.float16
    assert list(found.galaxies.splits) == ["train"] * 13 + ["val"] * 5
    pictures, labels = synthetic(13, 0)
    order = [int(name.removeprefix("train")) for name in found.galaxies.names[:13]]
    assert list(found.galaxies.labels[:13]) == list(labels[order])
    extract = feature_extractor(model)
    for view in range(8):
        seen = dihedral(pictures[order].astype("f4"), np.full(13, view))
        np.testing.assert_allclose(found.values[:13, view], extract(seen), rtol=2e-3, atol=1e-4)


def test_features_of_known_pictures_are_not_computed_again(model, files, tmp_path):
    first, computed = compute(
        model, {"train": files["train"]}, tmp_path / "1", FeatureCache(tmp_path / "cache")
    )
    assert computed == 13
    second, computed = compute(model, files, tmp_path / "2", FeatureCache(tmp_path / "cache"))
    assert computed == 5, "the training galaxies were there, whatever their split is called now"
    np.testing.assert_array_equal(first.values, second.values[:13])
    whole, _ = compute(model, files, tmp_path / "3")
    np.testing.assert_allclose(whole.values, second.values, atol=1e-3)
    assert compute(model, files, tmp_path / "4", FeatureCache(tmp_path / "cache"))[1] == 0


def test_what_a_killed_run_has_computed_is_kept(model, files, tmp_path, monkeypatch):
    monkeypatch.setattr(backbone_features, "CHUNK", 4)
    put, count = FeatureCache.put, []

    def dies_at_the_third(self, digests, values):
        count.append(len(digests))
        if len(count) == 3:
            raise KeyboardInterrupt
        put(self, digests, values)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(FeatureCache, "put", dies_at_the_third)
        compute(model, files, tmp_path / "killed", FeatureCache(tmp_path / "cache"))
    (tmp_path / "cache" / "half.npy").write_bytes(b"cut short")
    found, computed = compute(model, files, tmp_path / "again", FeatureCache(tmp_path / "cache"))
    assert computed == 18 - 8
    np.testing.assert_allclose(found.values, compute(model, files, tmp_path / "whole")[0].values, atol=1e-3)


def test_the_key_names_all_that_features_depend_on():
    def key(code="c", size=32, train=None, **model):
        settings = recipe(train=train)
        return features_key(
            ModelSettings(**{"backbone": "TinyConv", "weights": "none"} | model), settings.train, size, code
        )

    assert key() == key(train={"learning_rate": 0.5}) == key(dropout=0.1)
    others = [
        key(code="d"),
        key(size=64),
        key(train={"views": 1}),
        key(train={"seed": 2}),
        key(backbone="EfficientNetLite0"),
        key(backbone="EfficientNetLite0", weights="imagenet"),
        key(weights="/a.weights.h5", weights_sha256="0" * 64),
        key(weights="/a.weights.h5", weights_sha256="1" * 64),
    ]
    assert len({key(), *others}) == 1 + len(others)
    pretrained = {"backbone": "EfficientNetLite0", "weights": "imagenet"}
    assert key(**pretrained) == key(train={"seed": 2}, **pretrained), (
        "learned weights do not depend on the seed"
    )
