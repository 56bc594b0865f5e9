import numpy as np
import pytest

from trainer.metrics import AUC, Accuracy

HARD = np.array([[0.0], [0.0], [1.0], [1.0]], "float32")
SCORES = np.array([[0.1], [0.6], [0.4], [0.9]], "float32")


@pytest.mark.parametrize(("metric", "value"), [(Accuracy, 0.5), (AUC, 0.75)])
def test_smoothed_labels_count_as_what_they_stand_for(metric, value):
    for labels in (HARD, HARD.astype("int64"), HARD * 0.9 + 0.05):
        measured = metric()
        measured.update_state(labels, SCORES, sample_weight=np.array([9.0, 1.0, 1.0, 1.0]))
        assert float(measured.result()) == pytest.approx(value, abs=0.01)
