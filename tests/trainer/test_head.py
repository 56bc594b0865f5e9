import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from transformed import recipe, synthetic

from trainer.backbone_features import FeatureStore
from trainer.fine_tune import start_classifier
from trainer.galaxies import Galaxies, TrainingDataError
from trainer.head import Head, fit_head, with_heads
from trainer.model import feature_extractor


def features(count=240, views=2, width=6, seed=0) -> FeatureStore:
    """Gaussian clouds that overlap; the second view is noisier."""
    random = np.random.default_rng(seed)
    labels = (np.arange(count) % 3 == 0).astype(np.int64)
    centre = labels[:, None, None] * np.linspace(0.2, 1.2, width)
    values = (centre + random.normal(0, 1, (count, views, width))).astype(np.float16)
    galaxies = Galaxies(
        names=np.array([f"g{number}" for number in range(count)]),
        labels=labels,
        soft_labels=np.where(labels == 1, 0.7, 0.3).astype("f4"),
        folds=np.arange(count) // 3 % 3,
        splits=np.full(count, "train"),
        digests=np.array([b""] * count),
    )
    return FeatureStore(galaxies, values)


def train(store, learning=None, validation=None, **values):
    settings = recipe(
        model={"dropout": 0.0},
        train={"epochs": 40, "learning_rate": 0.05, "label_smoothing": 0.0, "class_weights": False} | values,
    )
    learning = np.arange(len(store.galaxies)) if learning is None else learning
    return fit_head(store, learning, validation, model=settings.model, settings=settings.train)


def test_it_is_the_logistic_regression_of_scikit_learn():
    store = features(views=1)
    head, history = train(store)
    reference = LogisticRegression(C=1e4).fit(store.values[:, 0].astype("f8"), store.galaxies.labels)
    expected = reference.predict_proba(store.values[:, 0].astype("f8"))[:, 1]
    assert np.abs(head.probabilities(store.values) - expected).mean() < 0.02
    assert len(history["loss"]) == 40 and history["loss"][-1] < history["loss"][0]


def test_probabilities_are_the_mean_over_views():
    store = features()
    head = Head(np.linspace(-1, 1, 6).astype("f4"), 0.3)
    each = [1 / (1 + np.exp(-(store.values[:, view].astype("f8") @ head.kernel + 0.3))) for view in range(2)]
    np.testing.assert_allclose(head.probabilities(store.values), np.mean(each, axis=0), atol=1e-6)


def test_the_best_epoch_on_the_validation_galaxies_counts():
    store = features()
    numbers = np.arange(240)
    _, history = train(store, numbers[:60], numbers[60:], epochs=60, learning_rate=0.3)
    best = int(history["best_epoch"][0])
    assert history["val_loss"][best - 1] == min(history["val_loss"]) and best < 60


def test_it_learns_from_all_views_and_from_votes():
    store = features(views=2)
    store.values[:, 0] = 0  # nothing to be learned there
    head, _ = train(store)
    accuracy = np.mean((head.probabilities(store.values[:, 1:]) > 0.5) == store.galaxies.labels)
    assert accuracy > 0.75
    spread = {}
    for labels in ("hard", "votes"):
        head, _ = train(features(views=1), labels=labels)
        spread[labels] = np.ptp(head.probabilities(features(views=1).values))
    assert spread["votes"] < 0.65 < 0.9 < spread["hard"], "votes of 0.3 and 0.7 teach no more than that"


def test_views_beyond_those_asked_for_teach_nothing():
    """They are needed only to score the folds."""
    store = features(views=4)
    (asked, _), (first, _) = (
        train(store, views=2),
        train(FeatureStore(store.galaxies, store.values[:, :2])),
    )
    np.testing.assert_array_equal(asked.kernel, first.kernel)


def test_a_seed_is_a_seed():
    first, again, other = (train(features(), epochs=2, seed=seed)[0] for seed in (0, 0, 1))
    np.testing.assert_allclose(first.kernel, again.kernel, atol=1e-6)
    assert np.abs(first.kernel - other.kernel).max() > 1e-4


def test_a_class_must_not_be_missing():
    store = features()
    with pytest.raises(TrainingDataError, match="has no elliptical galaxy"):
        train(store, np.flatnonzero(store.galaxies.labels == 0))


def test_votes_are_required_if_they_are_the_target():
    store = features()
    store.galaxies.soft_labels[:] = store.galaxies.labels
    train(store, epochs=1)
    with pytest.raises(TrainingDataError, match=r'\[train\] labels = "votes"'):
        train(store, labels="votes")


def test_a_head_on_a_classifier_gives_the_same_probabilities_as_on_features(tmp_path):
    model = start_classifier(recipe(), None)
    pictures = synthetic(6, 0)[0].astype("f4")
    values = np.asarray(feature_extractor(model)(pictures))[:, None]
    random = np.random.default_rng(0)
    heads = [Head(random.normal(0, 1, 64).astype("f4"), float(bias)) for bias in (0.1, -0.4, 0.0)]
    heads[0].save(tmp_path / "head.npz")
    Head.load(tmp_path / "head.npz").put_on(model)
    np.testing.assert_allclose(model(pictures)[:, 0], heads[0].probabilities(values), atol=1e-5)
    np.testing.assert_array_equal(Head.of(model).kernel, heads[0].kernel)
    mean = np.mean([head.probabilities(values) for head in heads], axis=0)
    each = with_heads(model, heads)(pictures)
    assert each.shape == (6, 3)
    np.testing.assert_allclose(np.mean(each, axis=1), mean, atol=1e-5)
