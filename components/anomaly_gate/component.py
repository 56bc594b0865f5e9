"""AnomalyGate: stops a run whose data contradict the schema.

TFX's ExampleValidator only records anomalies, and the run would go on to train on broken input.
"""

import os

from tensorflow_metadata.proto.v0 import anomalies_pb2
from tfx.dsl.component.experimental.annotations import InputArtifact, OutputDict, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.dsl.io import fileio
from tfx.types import artifact_utils
from tfx.types.standard_artifacts import ExampleAnomalies


class AnomalyError(Exception):
    """The data contradict the schema; the message names split, feature and value."""


def describe_anomalies(anomalies: anomalies_pb2.Anomalies, split: str) -> list[str]:
    """Return a sentence for each anomaly, with split, feature and description.

    Parameters
    ----------
    anomalies : anomalies_pb2.Anomalies
    split : str

    Returns
    -------
    list of str
        Sorted; empty if there are no anomalies.
    """
    sentences = [
        f"split {split}: {feature}: {reason.description or reason.short_description}"
        for feature, info in sorted(anomalies.anomaly_info.items())
        for reason in info.reason or [info]
    ]
    if anomalies.HasField("dataset_anomaly_info"):
        sentences.append(f"split {split}: {anomalies.dataset_anomaly_info.description}")
    return sentences


@component
def AnomalyGate(anomalies: InputArtifact[ExampleAnomalies], code: Parameter[str]) -> OutputDict(passed=int):  # type: ignore[valid-type]
    """Raise `AnomalyError` if the validator found an anomaly.

    Parameters
    ----------
    anomalies : ExampleAnomalies
    code : str
        Fingerprint of our own code, for the cache.

    Returns
    -------
    dict
        ``passed``: 1.
    """
    found: list[str] = []
    for split in artifact_utils.decode_split_names(anomalies.split_names):
        path = os.path.join(anomalies.uri, f"Split-{split}", "SchemaDiff.pb")
        with fileio.open(path, "rb") as stream:
            found += describe_anomalies(anomalies_pb2.Anomalies.FromString(stream.read()), split)
    if found:
        raise AnomalyError("; ".join(found))
    return {"passed": 1}
