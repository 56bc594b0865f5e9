import numpy as np
import pytest
from scipy import stats

from evaluation.intervals import SCORES, bootstrap, wilson
from evaluation.score_intervals import newcombe, score_intervals


def sample(n: int = 300, apart: float = 0.4) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(2)
    labels = (random.random(n) < 1 / 3).astype(int)
    return labels, np.clip(random.normal(0.3 + apart * labels, 0.2), 0, 1)


def test_where_resamples_differ_it_is_the_bootstrap():
    found, resampled = score_intervals(*sample(), seed=4), bootstrap(*sample(), seed=4)
    assert list(found) == list(SCORES)
    for name, interval in found.items():
        assert interval is not None and (interval.low, interval.high) == resampled[name]
        assert interval.method == "bootstrap"


def test_what_is_perfect_on_few_galaxies_is_not_known_to_be_perfect():
    labels = np.repeat([0, 1], [20, 30])
    found = score_intervals(labels, np.where(labels == 1, 0.9, 0.2))
    for name, n in (("accuracy", 50), ("precision", 30), ("recall", 30)):
        assert (found[name].low, found[name].high, found[name].method) == (*wilson(n, n), "Wilson")
    assert found["auc"].method == "Newcombe" and 0.85 < found["auc"].low < 0.95 and found["auc"].high == 1
    assert found["auc_pr"] is found["loss"] is None
    assert found["ece"].low < found["ece"].high, "the shares of the classes are not known either"


def test_all_called_alike_is_no_exact_accuracy():
    labels = np.repeat([0, 1], [44, 44])
    found = score_intervals(labels, np.full(88, 0.49))
    assert (found["accuracy"].low, found["accuracy"].high) == wilson(44, 88)
    assert found["precision"] is None, "nothing is called elliptical"
    assert (found["recall"].low, found["recall"].high) == wilson(0, 44)
    assert found["auc"].low < 0.4 < 0.6 < found["auc"].high
    assert found["ece"].low < 0.01 and found["ece"].high > 0.05


def test_nothing_is_known_without_galaxies_or_probabilities():
    assert set(score_intervals([], []).values()) == {None}
    found = score_intervals([0, 1], [np.nan, np.nan])
    assert found["auc"] is found["ece"] is found["precision"] is None
    assert (found["accuracy"].low, found["accuracy"].high) == wilson(0, 2)


def test_of_one_pair_newcombes_interval_is_wilsons():
    """One spiral and one elliptical: the area is whether one comparison comes out right."""
    assert newcombe(1.0, 1, 1) == pytest.approx(wilson(1, 1))
    assert newcombe(0.0, 1, 1) == pytest.approx(wilson(0, 1))


@pytest.mark.parametrize("auc", [0.0, 0.3, 0.8, 1.0])
def test_newcombes_interval_turns_with_the_classes(auc):
    low, high = newcombe(auc, 40, 25)
    assert low <= auc <= high and high - low > 0.05
    assert newcombe(1 - auc, 40, 25) == pytest.approx((1 - high, 1 - low), abs=1e-9)
    assert newcombe(auc, 25, 40) == pytest.approx((low, high))


def test_newcombes_interval_holds_the_true_area_as_often_as_it_says():
    """Normal scores 2.5 apart: the area is that of their difference."""
    true, random, held = stats.norm.cdf(2.5 / np.sqrt(2)), np.random.default_rng(0), 0
    for _ in range(1000):
        spirals, ellipticals = random.normal(0, 1, 30), random.normal(2.5, 1, 20)
        measured = np.mean(ellipticals[:, None] > spirals)
        low, high = newcombe(float(measured), 30, 20)
        held += low <= true <= high
    assert 0.93 < held / 1000 < 0.99
