import pandas as pd
import pytest
from tfx.types.artifact_utils import encode_split_names
from tfx.types.standard_artifacts import ExampleAnomalies

import tensorflow_data_validation as tfdv  # isort: skip  # after TFX

from components.anomaly_gate.component import AnomalyError, AnomalyGate
from preprocessing import features
from preprocessing.schema import example_schema


def anomalies(folder, **changed) -> ExampleAnomalies:
    row = dict.fromkeys(features.scalar_features("R"), 1.0)
    row |= {features.LABEL: 1, features.FOLD: 0, features.HEIGHT: 128, features.WIDTH: 128}
    row |= {"saturated_R": 0.0, "blank_R": 0.0} | changed
    statistics = tfdv.generate_statistics_from_dataframe(pd.DataFrame([row] * 3), n_jobs=1)
    artifact = ExampleAnomalies()
    artifact.uri = str(folder)
    artifact.split_names = encode_split_names(["train"])
    (folder / "Split-train").mkdir()
    found = tfdv.validate_statistics(statistics, example_schema("R"))
    (folder / "Split-train" / "SchemaDiff.pb").write_bytes(found.SerializeToString())
    return artifact


def run_gate(artifact: ExampleAnomalies):
    return AnomalyGate(anomalies=_channel(artifact), code="c").executor_spec.executor_class._FUNCTION(
        anomalies=artifact, code="c"
    )


def _channel(artifact):
    from tfx.types.channel_utils import as_channel

    return as_channel([artifact])


def test_good_data_pass(tmp_path):
    assert run_gate(anomalies(tmp_path)) == {"passed": 1}


def test_a_blocking_anomaly_names_split_feature_and_value(tmp_path):
    with pytest.raises(AnomalyError, match=r"split train: saturated_R: .*1\.5.*1\b"):
        run_gate(anomalies(tmp_path, saturated_R=1.5))
