import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from evaluation.calibration import (
    calibration_error,
    fit_temperature,
    off_diagonal,
    reliability,
    temperature_problem,
    with_temperature,
)


def sample(temperature: float, n: int = 4000, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Labels drawn from true probabilities, and those of a model whose logits are so many times larger."""
    random = np.random.default_rng(seed)
    logits = random.normal(0.0, 2.0, n)
    return (random.random(n) < expit(logits)).astype(int), expit(logits * temperature)


def test_the_error_of_two_bins_by_hand():
    # In [0, 0.5): mean p 0.2, a third elliptical; in [0.5, 1]: mean p 0.8, half elliptical.
    labels, p = [0, 0, 1, 1, 0], [0.1, 0.2, 0.3, 0.6, 1.0]
    expected = (3 * abs(0.2 - 1 / 3) + 2 * abs(0.8 - 1 / 2)) / 5
    assert calibration_error(labels, p, bins=2) == pytest.approx(expected)
    found = reliability(labels, p, bins=2)
    assert [entry["n"] for entry in found] == [3, 2]
    assert [entry["mean_p"] for entry in found] == pytest.approx([0.2, 0.8])
    assert [entry["share"] for entry in found] == pytest.approx([1 / 3, 1 / 2])


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 1), st.floats(0, 1)), min_size=1, max_size=60), st.integers(1, 20))
def test_the_error_is_the_mean_distance_of_the_curve_from_the_diagonal(pairs, bins):
    labels, p = zip(*pairs, strict=True)
    curve = reliability(labels, p, bins)
    assert sum(entry["n"] for entry in curve) == len(pairs)
    distances = [entry["n"] * abs(entry["mean_p"] - entry["share"]) for entry in curve]
    assert calibration_error(labels, p, bins) == pytest.approx(sum(distances) / len(pairs), abs=1e-12)


def test_without_a_number_there_is_no_error():
    assert calibration_error([], []) is None
    assert calibration_error([0, 1], [0.1, np.nan]) is None
    assert reliability([], []) == [] and reliability([0, 1], [0.1, np.nan])[0]["n"] == 1


@pytest.mark.parametrize("true", [0.4, 1.0, 2.5])
def test_the_temperature_is_that_of_a_logistic_regression_without_intercept(true):
    labels, p = sample(true)
    found = fit_temperature(labels, p)
    model = LogisticRegression(penalty=None, fit_intercept=False, tol=1e-10)
    model.fit(logit(p)[:, None], labels)
    assert found == pytest.approx(1 / model.coef_[0, 0], rel=1e-3)
    assert found == pytest.approx(true, rel=0.1)


def test_no_other_temperature_has_a_smaller_loss():
    labels, p = sample(3.0, n=500, seed=1)
    found = fit_temperature(labels, p)
    losses = [log_loss(labels, with_temperature(p, found * factor)) for factor in (0.98, 1.0, 1.02)]
    assert losses[1] == min(losses)


def test_scaling_mends_a_model_that_is_too_sure():
    labels, p = sample(3.0)
    fresh_labels, fresh = sample(3.0, seed=7)
    scaled = with_temperature(fresh, fit_temperature(labels, p))
    assert calibration_error(fresh_labels, fresh) > 0.08
    assert calibration_error(fresh_labels, scaled) < 0.025


@pytest.mark.parametrize(
    ("labels", "p", "problem"),
    [
        ([], [], "no galaxy has a finite probability"),
        ([0, 1], [np.nan, np.inf], "no galaxy has a finite probability"),
        ([1, 1, 1], [0.2, 0.6, 0.9], "all galaxies are of one class"),
        ([0, 1], [np.nan, 0.2], "all galaxies are of one class"),
        ([0, 1, 1], [0.7, 0.7, 0.7], "all probabilities are equal"),
        ([0, 1, 1], [0.2, 0.6, 0.9], "every galaxy is classified correctly"),
    ],
)
def test_where_nothing_can_be_learned_the_temperature_is_one(labels, p, problem):
    assert fit_temperature(labels, p) == 1.0
    assert temperature_problem(labels, p).startswith(problem)


def test_a_temperature_that_can_be_fitted_is_no_problem():
    assert temperature_problem(*sample(2.0, n=300)) == ""


def test_galaxies_without_a_probability_do_not_count():
    labels, p = sample(2.0, n=300)
    assert fit_temperature([*labels, 0, 1], [*p, np.nan, np.inf]) == fit_temperature(labels, p)


def test_a_model_that_is_wrong_everywhere_gets_a_bounded_temperature():
    assert fit_temperature([0, 1], [1.0, 0.0]) == pytest.approx(20, rel=1e-3)


@settings(deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1), st.floats(0.05, 20))
def test_scaling_keeps_order_and_calls(values, temperature):
    p = np.sort(values)
    scaled = with_temperature(p, temperature)
    assert (np.diff(scaled) >= 0).all() and ((scaled >= 0) & (scaled <= 1)).all()
    assert not (((scaled > 0.5) & (p < 0.5)) | ((scaled < 0.5) & (p > 0.5))).any()


def test_scaling_by_hand():
    found = with_temperature([0.5, 0.8, 0.0, 1.0, np.nan], 2.0)
    edge = 1 / (1 + np.sqrt((1 - 1e-7) / 1e-7))
    assert found[:4] == pytest.approx([0.5, 2 / 3, edge, 1 - edge]) and np.isnan(found[4])
    assert with_temperature([0.3], 1.0) == pytest.approx(0.3)


@pytest.mark.parametrize(("n", "width"), [(200, 3.0), (1000, 3.0), (5000, 1.5)])
def test_probabilities_that_mean_what_they_say_are_seldom_found_off(n, width):
    random = np.random.default_rng(7)
    found = 0
    for _ in range(400):
        p = expit(random.normal(0.0, width, n))
        found += bool(off_diagonal(reliability(random.random(n) < p, p)))
    assert found <= 0.07 * 400


def test_probabilities_that_are_too_sure_are_found_off():
    labels, p = sample(2.0, 1000)
    off = off_diagonal(reliability(labels, p))
    assert len(off) >= 4
    assert all(abs(point["mean_p"] - 0.5) > abs(point["share"] - 0.5) for point in off)
    assert off_diagonal([]) == []


def test_points_are_judged_by_the_exact_test_and_their_number():
    # One of three where 0.02 is expected: Wilson's interval leaves it out, and chance gives it in 6 of 100.
    few = {"mean_p": 0.02, "share": 1 / 3, "n": 3}
    assert off_diagonal([few]) == []
    # 36 of 100 heads: p 0.0066.
    coin, fair = {"mean_p": 0.5, "share": 0.36, "n": 100}, {"mean_p": 0.5, "share": 0.5, "n": 100}
    assert off_diagonal([coin, *[fair] * 6]) == [coin] and off_diagonal([coin, *[fair] * 7]) == []
