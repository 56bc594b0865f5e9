"""Paired differences against scikit-learn on every resample."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from evaluation.paired import MEASURES, paired_differences

PROBABILITIES = st.lists(
    st.tuples(
        st.integers(0, 1), st.sampled_from(np.linspace(0, 1, 11)), st.sampled_from(np.linspace(0, 1, 11))
    ),
    min_size=1,
    max_size=30,
)


def invented(n: int = 60, seed: int = 1) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = (rng.random(n) < 0.4).astype(int)
    one = np.clip(0.5 + 0.3 * (labels - 0.5) + rng.normal(0, 0.25, n), 0, 1).round(2)
    other = np.clip(one + rng.normal(0, 0.2, n), 0, 1).round(2)
    return labels, one, other


def scored(labels: np.ndarray, p: np.ndarray) -> dict[str, float]:
    return {
        "accuracy": metrics.accuracy_score(labels, p > 0.5),
        "auc": metrics.roc_auc_score(labels, p),
        "loss": metrics.log_loss(labels, p, labels=[0, 1]),
    }


def test_differences_and_intervals_are_those_of_scikit_learn_on_the_same_resamples():
    labels, one, other = invented()
    found = paired_differences(labels, one, other, seed=4, resamples=200)
    random = np.random.default_rng(4)
    classes = np.flatnonzero(labels == 0), np.flatnonzero(labels == 1)
    drawn = []
    for _ in range(200):
        rows = np.concatenate([rows[random.integers(len(rows), size=len(rows))] for rows in classes])
        first, second = scored(labels[rows], one[rows]), scored(labels[rows], other[rows])
        drawn.append([first[name] - second[name] for name in MEASURES])
    for name, values in zip(MEASURES, np.array(drawn).T, strict=True):
        first, second = scored(labels, one)[name], scored(labels, other)[name]
        assert found[name].value == pytest.approx(first - second)
        assert (found[name].one, found[name].other) == pytest.approx((first, second))
        assert found[name].interval == pytest.approx(tuple(np.quantile(values, (0.025, 0.975))))


@settings(deadline=None, max_examples=30)
@given(PROBABILITIES)
def test_the_other_way_round_every_sign_changes(rows):
    labels, one, other = map(np.array, zip(*rows, strict=True))
    there = paired_differences(labels, one, other, resamples=20)
    back = paired_differences(labels, other, one, resamples=20)
    for name in MEASURES:
        if there[name].value is None:
            assert back[name].value is None
        else:
            low, high = back[name].interval
            assert there[name].value == pytest.approx(-back[name].value)
            assert there[name].interval == pytest.approx((-high, -low))


@settings(deadline=None, max_examples=30)
@given(PROBABILITIES)
def test_a_classifier_does_not_differ_from_itself(rows):
    labels, one, _ = map(np.array, zip(*rows, strict=True))
    for difference in paired_differences(labels, one, one, resamples=20).values():
        assert difference.value in (None, 0) and difference.interval in (None, (0, 0))


def test_the_interval_is_narrower_than_that_of_unpaired_scores():
    labels, one, _ = invented(400)
    other = np.clip(one + 0.01, 0, 1)
    low, high = paired_differences(labels, one, other)["auc"].interval
    a, b = (paired_differences(labels, p, np.full(400, 0.5))["auc"].interval for p in (one, other))
    assert high - low < 0.3 * (a[1] - a[0] + b[1] - b[0])


def test_what_cannot_be_computed_is_none():
    nothing = paired_differences([], [], [])
    assert all(difference.value is None for difference in nothing.values())
    one_class = paired_differences([0, 0], [0.1, 0.9], [0.1, 0.2])
    assert one_class["auc"].value is None and one_class["accuracy"].value == -0.5
    odd = paired_differences([0, 1], [0.1, np.nan], [0.1, 0.9])
    assert odd["auc"].value is odd["loss"].value is None and odd["accuracy"].value == -0.5
