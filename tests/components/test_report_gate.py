"""The gate's verdict, read from files as TFMA writes them."""

import math

import pytest
import tensorflow as tf
import tfx  # noqa: F401
from tensorflow_model_analysis.proto.validation_result_pb2 import ValidationFailure, ValidationResult

from components.morphology_report.gate import gate_result


def failure(name: str, value: float | None, *, bound: float | None = None, drop: float | None = None):
    found = ValidationFailure()
    found.metric_key.name = name
    if value is not None:
        found.metric_value.double_value.value = value
    if bound is not None:
        found.metric_threshold.value_threshold.lower_bound.value = bound
    if drop is not None:
        found.metric_key.is_diff = True
        found.metric_threshold.change_threshold.absolute.value = -drop
    return found


@pytest.fixture
def verdict(tmp_path):
    def write(*failures: ValidationFailure, **fields) -> list[str]:
        result = ValidationResult(validation_ok=not failures, **fields)
        if failures:
            result.metric_validations_per_slice.add().failures.extend(failures)
        with tf.io.TFRecordWriter(str(tmp_path / "validations.tfrecord")) as writer:
            writer.write(result.SerializeToString())
        found = gate_result(str(tmp_path), blessed=not failures and not fields)
        assert found["blessed"] == (not found["reasons"])
        return found["reasons"]

    return write


def test_a_blessed_model_has_no_reasons(verdict):
    assert verdict() == []


def test_each_failure_names_metric_value_and_bound(verdict):
    reasons = verdict(
        failure("binary_accuracy", 0.91234, bound=0.93),
        failure("auc", 0.9, bound=0.97),
        failure("binary_accuracy", -0.0321, drop=0.005),
    )
    assert reasons == [
        "accuracy is 0.9123, must be at least 0.93",
        "AUC is 0.9000, must be at least 0.97",
        "accuracy is 0.0321 below the published model's, allowed 0.005",
    ]


def test_a_metric_that_could_not_be_computed(verdict):
    for nothing in (None, math.nan):
        assert verdict(failure("auc", nothing, bound=0.97)) == [
            "AUC could not be computed, must be at least 0.97"
        ]
        assert verdict(failure("binary_accuracy", nothing, drop=0.005)) == [
            "accuracy could not be compared with the published model's"
        ]


def test_a_gate_without_thresholds_passes_nothing(verdict):
    assert verdict(missing_thresholds=True) == ["the gate has no thresholds"]
