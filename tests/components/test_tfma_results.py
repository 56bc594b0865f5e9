"""TFMA's numbers of a table of answers, against scikit-learn."""

import tfx  # noqa: F401  # isort: skip
import apache_beam as beam
import numpy as np
import pytest
import tensorflow_model_analysis as tfma
from answer_tables import table
from apache_beam.options.pipeline_options import PipelineOptions
from sklearn.metrics import roc_auc_score

from components.model_evaluator.tfma_results import CANDIDATE, PUBLISHED, read_tfma, write_tfma

OPTIONS = PipelineOptions(["--runner=DirectRunner", "--direct_running_mode=in_memory"])


def evaluated(folder, *tables) -> str:
    with beam.Pipeline(options=OPTIONS) as pipeline:
        write_tfma(pipeline, *tables, str(folder))
    return str(folder)


@pytest.mark.parametrize(("labels", "area"), [([0, 0, 1], 1.0), ([1, 1, 1], None)])
def test_what_is_no_number_is_not_known(tmp_path, labels, area):
    path = evaluated(tmp_path, table(labels, [0.2, 0.3, 0.9]), None)
    assert read_tfma(path) == {"accuracy": pytest.approx(1.0 if area else 1 / 3), "auc": area}


def test_both_models_are_scored_on_the_same_galaxies(tmp_path):
    random = np.random.default_rng(0)
    labels, order = random.integers(0, 2, 60), random.permutation(60)
    one, other = (np.clip(a * labels + random.uniform(0, 1 - a, 60), 0, 1) for a in (0.4, 0.2))
    shuffled = table(labels[order], other[order], names=[f"g{place}" for place in order])
    path = evaluated(tmp_path, table(labels, one), shuffled)
    assert read_tfma(path)["auc"] == pytest.approx(roc_auc_score(labels, one), abs=1e-6)
    for name, p in ((CANDIDATE, one), (PUBLISHED, other)):
        found = tfma.load_eval_result(path, model_name=name).get_metrics_for_slice()
        assert found["example_count"]["doubleValue"] == 60
        assert found["binary_accuracy"]["doubleValue"] == pytest.approx(np.mean((p > 0.5) == labels))
        assert found["auc"]["doubleValue"] == pytest.approx(roc_auc_score(labels, p), abs=1e-6)
