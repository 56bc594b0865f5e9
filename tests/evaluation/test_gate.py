"""The gate's verdict on tables of answers, against scikit-learn and counts made by hand."""

import numpy as np
import pytest
from answer_tables import table
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from evaluation.gate import NAMED, judge
from evaluation.scores import ROUNDING, classification_scores, log_odds, without_rounding
from evaluation.settings import GateSettings

ANYTHING = GateSettings(min_accuracy=0, min_auc=0, max_accuracy_drop=1, min_galaxies=1)
LABELS = np.repeat([0, 1], 20)


def good(n: int = 20) -> np.ndarray:
    """Probabilities of n spirals and n ellipticals: one of each is wrong."""
    random = np.random.default_rng(n)
    spirals, ellipticals = random.uniform(0.01, 0.2, n), random.uniform(0.8, 0.99, n)
    spirals[0], ellipticals[0] = 0.7, 0.3
    return np.concatenate((spirals, ellipticals))


def gate(**changes) -> GateSettings:
    return ANYTHING.model_copy(update=changes)


def only_reason(verdict) -> str:
    (reason,) = verdict.reasons
    assert not verdict.blessed
    return reason


def test_a_good_model_passes_with_its_scores():
    verdict = judge(table(LABELS, good()), None, GateSettings(min_accuracy=0.95, min_auc=0.9))
    assert verdict.blessed and verdict.reasons == [] and verdict.published is None
    assert (verdict.accuracy, verdict.n) == (0.95, 40)
    assert verdict.auc == roc_auc_score(LABELS, good())


def test_each_bound_is_named_with_the_value():
    verdict = judge(table(LABELS, good()), None, gate(min_accuracy=0.96, min_auc=0.999))
    assert verdict.reasons == [
        "accuracy is 0.9500, must be at least 0.96",
        f"AUC is {roc_auc_score(LABELS, good()):.4f}, must be at least 0.999",
    ]


@pytest.mark.parametrize("value", [0.0, 0.5306, 1.0])
@pytest.mark.parametrize("noise", [0.0, 1e-7, 5e-6])
def test_a_model_that_tells_nothing_apart_is_refused_by_every_gate(value, noise):
    p = np.clip(value + noise * np.random.default_rng(0).normal(size=40), 0, 1)
    if 0 < value < 1 and noise:
        # Rounding that happens to rank the classes is no knowledge.
        p = np.sort(p)
        assert roc_auc_score(LABELS, p) == 1.0
    elif noise:
        return  # at the ends of the scale such digits are large log-odds, and tell galaxies apart
    verdict = judge(table(LABELS, p), None, ANYTHING)
    assert f"lie between {p.min():.6f} and {p.max():.6f}" in only_reason(verdict)
    assert verdict.auc == pytest.approx(0.5, abs=0.0 if noise < 1e-6 else 0.2)


def test_two_values_are_ties_within_each():
    noise = 1e-7 * np.arange(40)
    p = np.where(np.arange(40) % 2, 0.2, 0.8) + noise
    verdict = judge(table(LABELS, p), None, gate(min_auc=0.6))
    assert only_reason(verdict) == "AUC is 0.5000, must be at least 0.6"


@given(st.lists(st.floats(0, 1), min_size=1, max_size=60), st.integers(0, 2**32 - 1))
def test_merged_probabilities_keep_their_order_and_move_by_rounding_alone(p, seed):
    p = np.array(p)
    merged = without_rounding(p)
    assert np.all(np.abs(log_odds(merged) - log_odds(p)) <= ROUNDING * 1.001)
    assert np.all(np.diff(merged[np.argsort(p, kind="stable")]) >= 0)
    assert set(merged) <= set(p)
    order = np.random.default_rng(seed).permutation(len(p))
    np.testing.assert_array_equal(without_rounding(p[order]), merged[order])
    np.testing.assert_array_equal(without_rounding(merged), without_rounding(without_rounding(merged)))


def test_probabilities_that_differ_are_ranked_as_scikit_learn_ranks_them():
    random = np.random.default_rng(3)
    labels = random.integers(0, 2, 2000)
    p = 1 / (1 + np.exp(-random.normal(labels, 2.0)))
    assert classification_scores(labels, p)["auc"] == pytest.approx(roc_auc_score(labels, p), abs=2e-6)
    saturated = np.float32(10.0) ** -random.uniform(1, 20, 2000)  # log-odds from -2 to -46
    assert classification_scores(labels, saturated)["auc"] == pytest.approx(
        roc_auc_score(labels, saturated), abs=2e-6
    )


def test_an_anti_correlated_model():
    verdict = judge(table(LABELS, 1 - good()), None, GateSettings())
    assert verdict.reasons[0] == "accuracy is 0.0500, must be at least 0.95"
    assert verdict.auc < 0.05 and len(verdict.reasons) == 2


def test_an_answer_that_is_not_a_number_is_named_in_whatever_split():
    p = good()
    p[[3, 5]] = np.nan, np.inf
    for split in ("test", "holdout"):
        reasons = judge(table(LABELS, p, split), None, ANYTHING).reasons
        assert "p_elliptical is not a number for 2 of 40 galaxies (g3, g5)" in reasons
    p[:15] = np.nan
    (reason, *_) = judge(table(LABELS, p), None, ANYTHING).reasons
    assert f"g{NAMED - 1}, ..." in reason and f"g{NAMED}" not in reason


def test_galaxies_that_show_nothing_are_set_aside_and_counted():
    p, shown = good(), np.ones(40, bool)
    p[[3, 5]], shown[[3, 5]] = np.nan, False
    verdict = judge(table(LABELS, p, shown=shown), None, ANYTHING)
    assert verdict.blessed and (verdict.n, verdict.nothing_shown) == (38, 2)
    assert verdict.accuracy == pytest.approx(36 / 38)
    # A model of before, which answered to nothing, is judged by the same galaxies.
    p[[3, 5]] = 0.63
    assert judge(table(LABELS, p, shown=shown), None, ANYTHING) == verdict


@pytest.mark.parametrize(
    ("spirals", "ellipticals", "expected"),
    [
        (20, 9, ["the test split has 9 elliptical galaxies, must have at least 10 (min_galaxies)"]),
        (20, 1, ["the test split has 1 elliptical galaxy, must have at least 10 (min_galaxies)"]),
        (9, 10, ["the test split has 9 spiral galaxies, must have at least 10 (min_galaxies)"]),
        (10, 10, []),
    ],
)
def test_a_test_split_that_is_too_small(spirals, ellipticals, expected):
    labels = np.repeat([0, 1], [spirals, ellipticals])
    p = np.where(labels == 1, 0.9, 0.1) + np.linspace(0, 0.01, len(labels))
    assert judge(table(labels, p), None, GateSettings()).reasons == expected


@pytest.mark.parametrize("labels", [np.zeros(12, int), np.ones(12, int), np.zeros(0, int)])
def test_a_test_split_without_a_class(labels):
    reasons = judge(table(labels, np.linspace(0.1, 0.9, len(labels))), None, gate(min_galaxies=1)).reasons
    assert any("has 0 " in reason for reason in reasons)
    assert "AUC could not be computed, must be at least 0" in reasons


def test_the_lower_end_of_the_interval_is_stricter_than_the_value():
    bound = {"min_accuracy": 0.93, "min_auc": 0.9}
    assert judge(table(LABELS, good()), None, gate(**bound)).blessed
    reason = only_reason(judge(table(LABELS, good()), None, gate(**bound, by="lower_bound")))
    assert reason.startswith("accuracy is 0.9500, the lower end of its 95 % interval 0.")
    labels, p = np.repeat([0, 1], 2000), good(2000)
    assert judge(table(labels, p), None, gate(**bound, by="lower_bound")).blessed
    right = np.where(labels == 1, 0.9, 0.1)
    few = judge(table(LABELS, right[1980:2020]), None, gate(min_accuracy=0.95, by="lower_bound"))
    assert "1.0000" in only_reason(few), "forty galaxies prove no 0.95 even where all are right"


def test_it_is_compared_with_the_published_model_on_the_same_galaxies():
    worse, better = good(), good()
    worse[1], better[0] = 0.9, 0.1
    strict = gate(max_accuracy_drop=0.005)
    order = np.random.default_rng(1).permutation(40)
    published = table(LABELS[order], good()[order], names=[f"g{place}" for place in order])
    reason = only_reason(judge(table(LABELS, worse), published, strict))
    assert reason == ("accuracy is 0.9250, which is 0.0250 below the published model's 0.9500, allowed 0.005")
    assert judge(table(LABELS, worse), published, gate(max_accuracy_drop=0.025)).blessed
    verdict = judge(table(LABELS, better), published, strict)
    assert verdict.blessed
    assert verdict.published == {"accuracy": 0.95, "auc": roc_auc_score(LABELS, good()), "n": 40}
    assert judge(table(LABELS, worse), table([], []), strict).published is None


def test_a_published_model_that_was_asked_about_other_galaxies():
    published = table(LABELS[:39], good()[:39])
    reason = only_reason(judge(table(LABELS, good()), published, gate(max_accuracy_drop=0.005)))
    assert "39 of the 40 test galaxies" in reason
