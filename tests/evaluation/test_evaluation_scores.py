import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from evaluation.scores import calls_elliptical, classification_scores, is_right

# In steps that are not ties by rounding (`ROUNDING`), of which scikit-learn knows nothing.
PROBABILITIES = st.integers(1, 999).map(lambda number: number / 1000)
PAIRS = st.lists(st.tuples(st.integers(0, 1), PROBABILITIES), min_size=1, max_size=50)


def test_a_table_computed_by_hand():
    #                             right  wrong  right  right  wrong
    found = classification_scores([0, 0, 1, 1, 1], [0.1, 0.6, 0.9, 0.7, 0.2])
    assert found["accuracy"] == 0.6 and found["n"] == 5 and found["not_finite"] == 0
    assert found["confusion_matrix"] == [[1, 1], [1, 2]]
    assert found["precision"] == found["recall"] == pytest.approx(2 / 3)
    assert found["auc"] == pytest.approx(5 / 6)  # of six pairs only 0.2 lies below 0.6
    expected = -np.log([0.9, 0.4, 0.9, 0.7, 0.2]).mean()
    assert found["loss"] == pytest.approx(expected)


@settings(deadline=None)
@given(PAIRS)
def test_scikit_learn_is_the_arbiter(pairs):
    labels, p = zip(*pairs, strict=True)
    found = classification_scores(labels, p)
    called = np.array(p) > 0.5
    assert found["accuracy"] == pytest.approx(metrics.accuracy_score(labels, called))
    assert found["confusion_matrix"] == metrics.confusion_matrix(labels, called, labels=[0, 1]).tolist()
    assert found["loss"] == pytest.approx(metrics.log_loss(labels, p, labels=[0, 1]))
    assert (found["precision"] is None) == (not called.any())
    assert (found["recall"] is None) == (1 not in labels)
    if called.any():
        assert found["precision"] == pytest.approx(metrics.precision_score(labels, called))
    if 1 in labels:
        assert found["recall"] == pytest.approx(metrics.recall_score(labels, called))
    if len(set(labels)) == 2:
        assert found["auc"] == pytest.approx(metrics.roc_auc_score(labels, p))
        assert found["auc_pr"] == pytest.approx(metrics.average_precision_score(labels, p))
    else:
        assert found["auc"] is found["auc_pr"] is None
    json.dumps(found, allow_nan=False)


def test_one_half_is_called_spiral():
    assert list(calls_elliptical([0.5, np.nextafter(0.5, 1), np.nan])) == [False, True, False]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_is_wrong_and_in_no_cell_of_the_matrix(value):
    labels, p = [0, 0, 1, 1], [0.1, value, 0.9, value]
    assert list(is_right(labels, p)) == [True, False, True, False]
    found = classification_scores(labels, p)
    assert found["accuracy"] == 0.5 and found["not_finite"] == 2
    assert found["confusion_matrix"] == [[1, 0], [0, 1]]
    assert found["precision"] == 1.0 and found["recall"] == 0.5
    assert found["auc"] is found["auc_pr"] is found["loss"] is None


def test_without_galaxies_everything_is_unknown():
    found = classification_scores([], [])
    assert found.pop("n") == found.pop("not_finite") == 0
    assert set(found.values()) == {None} and len(found) == 7


def test_float32_as_the_model_gives_it_scores_like_float64():
    random = np.random.default_rng(0)
    labels, p = random.integers(0, 2, 200), random.random(200).astype(np.float32)
    assert classification_scores(labels, p) == classification_scores(labels, p.astype(np.float64))
