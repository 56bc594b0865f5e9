import time
import tracemalloc
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from evaluation.calibration import calibration_error
from evaluation.intervals import SCORES, _Sample, bootstrap, wilson
from evaluation.scores import classification_scores


def sample(n: int, seed: int = 0, digits: int = 2) -> tuple[np.ndarray, np.ndarray]:
    """Labels, one in three elliptical, and rounded probabilities, of which many are equal."""
    random = np.random.default_rng(seed)
    labels = (random.random(n) < 1 / 3).astype(int)
    return labels, np.clip(random.normal(0.3 + 0.4 * labels, 0.25), 0, 1).round(digits)


def scores_of(labels, p) -> dict:
    return classification_scores(labels, p) | {"ece": calibration_error(labels, p)}


@pytest.mark.parametrize("seed", range(20))
def test_any_resample_scores_as_scikit_learn_says(seed):
    labels, p = sample(60, seed, digits=1)
    prepared = _Sample.of(labels, p)
    weights = prepared.draw(np.random.default_rng(seed))
    drawn = [np.repeat(np.sort(p[labels == label]), counts) for label, counts in enumerate(weights)]
    expected = scores_of(np.repeat([0, 1], [len(part) for part in drawn]), np.concatenate(drawn))
    found = prepared.scores(*weights) | {"ece": prepared.calibration_error(*weights)}
    assert found == {name: pytest.approx(expected[name], abs=1e-12) for name in SCORES}


def test_each_class_is_drawn_as_often_as_it_is_there():
    labels, p = sample(200)
    spirals, ellipticals = _Sample.of(labels, p).draw(np.random.default_rng(1))
    assert spirals.sum() == len(spirals) == (labels == 0).sum()
    assert ellipticals.sum() == len(ellipticals) == (labels == 1).sum()
    assert spirals.max() > 1


def test_in_a_mixture_the_shares_of_the_classes_vary():
    prepared, random = _Sample.of(*sample(200)), np.random.default_rng(1)
    drawn = [prepared.draw_mixture(random) for _ in range(500)]
    assert {spirals.sum() + ellipticals.sum() for spirals, ellipticals in drawn} == {200}
    numbers = np.array([ellipticals.sum() for _, ellipticals in drawn])
    n = (sample(200)[0] == 1).sum()
    assert numbers.mean() == pytest.approx(n, abs=1.5)
    assert numbers.std() == pytest.approx(np.sqrt(n * (200 - n) / 200), rel=0.15)


def right_of(spirals, ellipticals, axis):
    right = (spirals <= 0.5).sum(axis) + (ellipticals > 0.5).sum(axis)
    return right / (spirals.shape[axis] + ellipticals.shape[axis])


def loss_of(spirals, ellipticals, axis):
    losses = np.log1p(-spirals).sum(axis) + np.log(ellipticals).sum(axis)
    return -losses / (spirals.shape[axis] + ellipticals.shape[axis])


def area_of(spirals, ellipticals, axis):
    pairs = np.sign(ellipticals[..., None] - spirals[..., None, :])
    return 0.5 + pairs.mean((-2, -1)) / 2


@pytest.mark.parametrize(("name", "statistic"), [("accuracy", right_of), ("loss", loss_of), ("auc", area_of)])
def test_scipys_bootstrap_gives_the_same_intervals(name, statistic):
    labels, p = sample(150)
    p = np.clip(p, 0.01, 0.99)
    classes = p[labels == 0], p[labels == 1]
    expected = stats.bootstrap(classes, statistic, method="percentile", n_resamples=2000, batch=50, rng=0)
    low, high = expected.confidence_interval
    assert bootstrap(labels, p, resamples=4000)[name] == pytest.approx((low, high), abs=0.1 * (high - low))


def test_intervals_hold_the_measured_values_and_the_seed_fixes_them():
    labels, p = sample(400)
    found, measured = bootstrap(labels, p, seed=3), classification_scores(labels, p)
    assert list(found) == list(SCORES)
    for name in ("accuracy", "auc", "auc_pr", "loss", "precision", "recall"):
        low, high = found[name]
        assert low < measured[name] < high
    assert bootstrap(labels, p, seed=3) == found != bootstrap(labels, p, seed=4)


def test_four_times_the_galaxies_halve_the_interval():
    widths = [np.ptp(bootstrap(*sample(n))["accuracy"]) for n in (500, 2000, 8000)]
    assert widths[0] / widths[1] == pytest.approx(2, rel=0.15)
    assert widths[1] / widths[2] == pytest.approx(2, rel=0.15)


def test_one_class_only():
    found = bootstrap([0, 0, 0, 0], [0.1, 0.2, 0.6, 0.3], resamples=200)
    assert found["auc"] is found["auc_pr"] is found["recall"] is None
    assert found["accuracy"][0] < 0.75 < found["accuracy"][1] and found["precision"] == (0.0, 0.0)


def test_what_is_no_number_is_wrong_and_leaves_no_ranking():
    labels, p = sample(300)
    p[labels == 1] = np.where(np.arange((labels == 1).sum()) % 10 == 0, np.nan, p[labels == 1])
    p[np.flatnonzero(labels == 0)[:5]] = -np.inf
    found, measured = bootstrap(labels, p), classification_scores(labels, p)
    for name in ("accuracy", "precision", "recall"):
        assert found[name][0] < measured[name] < found[name][1]
    assert {found[name] for name in ("auc", "auc_pr", "loss", "ece")} == {None}
    nothing = bootstrap([0, 1], [np.nan, np.nan], resamples=10)
    assert nothing["accuracy"] == nothing["recall"] == (0.0, 0.0) and nothing["precision"] is None


def test_equal_predictions_and_no_galaxies():
    found = bootstrap([0, 1, 1], [0.7, 0.7, 0.7], resamples=50)
    assert found["auc"] == (0.5, 0.5) and found["accuracy"] == pytest.approx((2 / 3, 2 / 3))
    assert set(bootstrap([], [], resamples=10).values()) == {None}


def test_memory_does_not_grow_with_the_resamples():
    labels, p = sample(20_000, digits=6)
    peaks = []
    for resamples in (5, 50):
        tracemalloc.start()
        bootstrap(labels, p, resamples=resamples)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.05 * peaks[0] < 20e6


def test_a_hundred_thousand_galaxies_take_ten_seconds():
    labels, p = sample(100_000, digits=7)
    started = time.thread_time()
    bootstrap(labels, p, resamples=100)
    assert time.thread_time() - started < 2.0  # four times the share of ten seconds


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilsons_interval_is_the_published_formula(pair):
    right, n = pair
    z = NormalDist().inv_cdf(0.975)
    share = right / n
    middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    assert wilson(right, n) == pytest.approx((middle - half, middle + half), abs=1e-9)


def test_wilsons_interval_of_nothing_is_everything():
    assert wilson(0, 0) == (0.0, 1.0)
