import json
from functools import partial

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.decomposition import PCA
from sklearn.metrics import roc_auc_score
from transformed import SIDE, recipe, synthetic, write_split

from trainer.backbone import scale_pixels
from trainer.fine_tune import start_classifier
from trainer.input import Pictures
from trainer.model import averaged, backbone_of, build_classifier, feature_extractor
from trainer.novelty import Novelty, fit_novelty
from trainer.settings import ModelSettings
from trainer.signatures import export_classifier
from trainer.taps import EMBEDDING, PROBABILITY, STATISTICS, described, with_taps

CONFIG = {"decision": {"uncertain": [0.25, 0.75]}, "flux": {}, "limits": {}, "chunk": 0}


def drawn(rows: int, seed: int) -> np.ndarray:
    """Return correlated statistics (rows, 40); two of them never vary."""
    random = np.random.default_rng(seed)
    mixing = np.random.default_rng(0).normal(size=(6, 40))
    values = random.normal(size=(rows, 6)) @ mixing + random.normal(0, 0.1, (rows, 40)) + 3
    values[:, [5, 17]] = 2.5
    return values


def test_the_distance_is_that_of_scikit_learns_components():
    learned, held_out = drawn(80, 1), drawn(30, 2)
    novelty = Novelty.fit(learned, held_out)
    assert len(novelty.variances) == 20
    spread = np.where(learned.std(axis=0) > 0, learned.std(axis=0), np.inf)
    scaled = (learned - learned.mean(axis=0)) / spread
    pca = PCA(20, svd_solver="full").fit(scaled)
    others = (held_out - learned.mean(axis=0)) / spread
    along = pca.transform(others)
    variances = pca.explained_variance_ * 79 / 80
    left_over = np.square(others - pca.inverse_transform(along)).sum(axis=1)
    residual = np.square(scaled - pca.inverse_transform(pca.transform(scaled))).sum(axis=1).mean()
    expected = np.sqrt((np.square(along) / variances).mean(axis=1) / 2 + left_over / residual / 2)
    np.testing.assert_allclose(novelty.reference, np.sort(expected), rtol=2e-3)
    assert np.mean(np.square(novelty.distance(learned.astype("f4")))) == pytest.approx(1, rel=1e-3)


# TensorFlow takes numbers below 1e-38 as zero.
DISTANCES = partial(st.floats, width=32, allow_subnormal=False)


@settings(deadline=None)
@given(st.lists(DISTANCES(0, 10), min_size=1, max_size=30), DISTANCES(0, 12))
def test_novelty_is_the_share_of_the_reference_that_is_nearer(reference, distance):
    novelty = Novelty.fit(drawn(40, 1), drawn(3, 2)).with_reference(reference)
    share = novelty.share(tf.constant([distance], tf.float32)).numpy()
    assert share[0] == pytest.approx(np.mean(np.array(reference, "f4") < np.float32(distance)), abs=1e-6)


def test_unknown_distances_and_references_are_nan():
    novelty = Novelty.fit(drawn(40, 1), drawn(3, 2))
    assert np.isnan(novelty.share(tf.constant([np.nan]))).all()
    assert np.isnan(Novelty.fit(drawn(40, 1), drawn(0, 2)).share(tf.constant([1.0]))).all()


@pytest.mark.parametrize("learned", [np.empty((0, 40)), drawn(3, 1), np.full((40, 40), 2.0)])
def test_too_few_or_equal_galaxies_give_no_distance(learned):
    assert Novelty.fit(learned, drawn(5, 1)) is None


@pytest.mark.parametrize(("backbone", "ends"), [("EfficientNetLite0", [3, 4, 5]), ("TinyConv", None)])
def test_statistics_are_those_of_the_maps(backbone, ends):
    model = build_classifier(ModelSettings(backbone=backbone, weights="none"), image_size=64, seed=1)
    pictures = np.random.default_rng(0).uniform(0, 255, (3, 64, 64, 3)).astype("f4")
    network = backbone_of(model)
    names = [layer.name for layer in network.layers]
    wanted = (
        [network.output]
        if ends is None
        else [network.get_layer([n for n in names if n.startswith(f"block{e}")][-1]).output for e in ends]
    )
    maps = keras.Model(network.input, wanted)(scale_pixels(backbone, pictures))
    maps = [each.numpy() for each in (maps if isinstance(maps, list) else [maps])]
    expected = np.concatenate([f(m, axis=(1, 2)) for m in maps for f in (np.mean, np.std)], axis=1)
    found = with_taps(model)(pictures)
    np.testing.assert_allclose(found[STATISTICS], expected, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(found[PROBABILITY], model(pictures), atol=1e-6)
    np.testing.assert_allclose(found[EMBEDDING], feature_extractor(model)(pictures), atol=1e-6)


def test_a_mean_keeps_the_statistics_of_the_picture_itself():
    models = [
        build_classifier(ModelSettings(backbone="TinyConv", weights="none"), image_size=32, seed=n)
        for n in (1, 2)
    ]
    pictures = np.random.default_rng(0).uniform(0, 255, (3, 32, 32, 3)).astype("f4")
    found = described(models, 8, 1.5, statistics=True)(pictures)
    np.testing.assert_allclose(found[PROBABILITY], averaged(models, 8, 1.5)(pictures), atol=1e-6)
    np.testing.assert_allclose(found[STATISTICS], with_taps(models[0])(pictures)[STATISTICS], rtol=1e-5)
    assert STATISTICS not in described(models, 8, 1.5, statistics=False).output


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """Return signatures, distance and metadata of a tiny model; 60 galaxies are the reference."""
    folder, path = tmp_path_factory.mktemp("splits"), tmp_path_factory.mktemp("model")
    tables = recipe()
    model = start_classifier(tables, None)
    splits = [
        Pictures(write_split(folder, name, count, seed), SIDE, 16)
        for seed, (name, count) in enumerate({"train": 200, "val": 60}.items())
    ]
    novelty = fit_novelty(model, *splits)
    export_classifier([model], tables, CONFIG, path, {}, None, novelty)
    about = json.loads((path / "assets.extra/galmorph.json").read_text())
    return tf.saved_model.load(str(path)).signatures, novelty, about, model


def test_the_exported_model_answers_share_and_distance(exported):
    from preprocessing.picture import make_picture

    signatures, novelty, about, model = exported
    assert about["novelty"]["reference"] == len(novelty.reference) == 60
    flux = np.random.default_rng(3).uniform(0, 60, (7, 40, 40, 3)).astype("f4")
    answers = signatures["classify_flux"](flux=tf.constant(flux))
    pictures = make_picture(flux, recipe().image).numpy().astype("f4")
    distances = novelty.distance(with_taps(model)(pictures)[STATISTICS])
    np.testing.assert_allclose(answers["novelty_distance"], distances, rtol=1e-4)
    np.testing.assert_allclose(answers["novelty"], novelty.share(answers["novelty_distance"]), atol=1e-6)


def test_noise_is_more_unlike_than_held_out_galaxies(exported):
    _, novelty, _, model = exported
    noise = np.random.default_rng(5).uniform(0, 255, (50, SIDE, SIDE, 3)).astype("f4")
    network = with_taps(model)
    far = novelty.distance(network(noise)[STATISTICS]).numpy()
    near = novelty.distance(network(synthetic(50, 7)[0].astype("f4"))[STATISTICS]).numpy()
    assert roc_auc_score(np.repeat([0, 1], 50), np.concatenate([near, far])) > 0.95
    assert np.mean(novelty.share(near)) == pytest.approx(0.5, abs=0.15)
    assert np.mean(novelty.share(far)) > 0.95


def test_a_model_without_it_answers_nan(tmp_path):
    tables = recipe()
    export_classifier([start_classifier(tables, None)], tables, CONFIG, tmp_path, {})
    signatures = tf.saved_model.load(str(tmp_path)).signatures
    answers = signatures["classify_flux"](flux=tf.ones((2, 40, 40, 3)))
    assert np.isnan(answers["novelty"]).all() and np.isnan(answers["novelty_distance"]).all()
    assert json.loads((tmp_path / "assets.extra/galmorph.json").read_text())["novelty"] is None
