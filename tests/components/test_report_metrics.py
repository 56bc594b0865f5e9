import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from components.morphology_report.figures import draw_confusion_matrix
from components.morphology_report.metrics import classification_metrics, run_metrics
from components.morphology_report.predictions import Scores


def test_a_table_computed_by_hand():
    #                    right  wrong  right  right  wrong
    scores = Scores([0, 0, 1, 1, 1], [0.1, 0.6, 0.9, 0.7, 0.2], [""] * 5)
    found = classification_metrics(scores)
    assert found["accuracy"] == 0.6 and found["n"] == 5
    assert found["confusion_matrix"] == [[1, 1], [1, 2]]
    assert found["precision"] == found["recall"] == pytest.approx(2 / 3)
    assert found["auc"] == pytest.approx(5 / 6)  # of six pairs only 0.2 lies below 0.6
    expected = -np.log([0.9, 0.4, 0.9, 0.7, 0.2]).mean()
    assert found["loss"] == pytest.approx(expected)


@given(st.lists(st.tuples(st.integers(0, 1), st.floats(0.001, 0.999)), min_size=2, max_size=50))
def test_scikit_learn_is_the_arbiter(pairs):
    labels, probabilities = zip(*pairs, strict=True)
    found = classification_metrics(Scores(list(labels), list(probabilities), [""] * len(pairs)))
    called = np.array(probabilities) > 0.5
    assert found["accuracy"] == pytest.approx(np.mean(called == np.array(labels)))
    if len(set(labels)) == 2:
        assert found["auc"] == pytest.approx(metrics.roc_auc_score(labels, probabilities))
    else:
        assert found["auc"] is None
    json.dumps(found, allow_nan=False)


def test_splits_that_are_not_there_are_none():
    test = Scores([0, 1], [0.1, 0.9], ["spiral", "elliptical"])
    assert run_metrics({"test": test})["holdout"] is None
    everything = {
        "test": test,
        "holdout": Scores([0, 0, 0, 0], [0.1, 0.2, 0.3, 0.6], [""] * 4),
        "uncertain": Scores([-1, -1, -1], [0.1, 0.5, 0.6], ["spiral", "uncertain", "uncertain"]),
    }
    found = run_metrics(everything)
    assert found["holdout"] == {"accuracy": 0.75, "n": 4}
    assert found["uncertain"] == {"fraction_uncertain": pytest.approx(2 / 3), "n": 3}


def test_a_picture_also_of_an_empty_class(tmp_path):
    draw_confusion_matrix([[5, 1], [0, 0]], tmp_path / "matrix.png")
    assert (tmp_path / "matrix.png").read_bytes().startswith(b"\x89PNG")
