"""The AUC that the gate goes by, collected in pieces as Beam does it."""

import tfx  # noqa: F401  # isort: skip
import numpy as np
import pytest
from sklearn.metrics import roc_auc_score
from tensorflow_model_analysis.metrics.metric_types import StandardMetricInputs

from components.model_evaluator.metrics import ExactAUC


def area(labels, probabilities, pieces: int) -> float:
    (computation,) = ExactAUC().computations()
    combiner = computation.combiner
    accumulators = [combiner.create_accumulator() for _ in range(pieces)]
    for number, (label, p) in enumerate(zip(labels, probabilities, strict=True)):
        element = StandardMetricInputs(
            labels=np.array([label]), predictions=np.array([p]), example_weights=np.array([1.0])
        )
        accumulators[number % pieces] = combiner.add_input(accumulators[number % pieces], element)
    ((key, value),) = combiner.extract_output(combiner.merge_accumulators(accumulators)).items()
    assert key.name == "auc"
    return value


@pytest.mark.parametrize("pieces", [1, 3])
def test_it_is_that_of_scikit_learn_however_close_the_probabilities_lie(pieces):
    random = np.random.default_rng(3)
    labels = random.integers(0, 2, 300)
    probabilities = (1e-6 * np.exp(random.normal(labels, 1.0))).astype(np.float32)
    assert area(labels, probabilities, pieces) == pytest.approx(
        roc_auc_score(labels, probabilities),
        abs=3e-5,  # two galaxies may be ties by rounding
    )


def test_one_class_has_none():
    assert np.isnan(area([1, 1], [0.2, 0.7], 1))
    assert np.isnan(area([], [], 1))
