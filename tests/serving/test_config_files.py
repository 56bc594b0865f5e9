"""The configuration files of TF Serving, parsed as its text messages."""

from pathlib import Path

import pytest
from google.protobuf import text_format
from serving_protos import BatchingParameters, MonitoringConfig
from tensorflow_serving.config.model_server_config_pb2 import ModelServerConfig

import serving
from evaluation.formats.exported_model import MODEL_NAME
from trainer.warm_up import WARM_UP_SIZES

CONFIG = Path(serving.__file__).parent / "config"


def parsed(name: str, message):
    return text_format.Parse((CONFIG / name).read_text(), message)


def test_the_server_keeps_two_versions_of_one_model_under_two_labels():
    (model,) = parsed("models.config", ModelServerConfig()).model_config_list.config
    assert (model.name, model.base_path, model.model_platform) == (
        MODEL_NAME,
        f"/models/{MODEL_NAME}",
        "tensorflow",
    )
    policy = model.model_version_policy
    assert policy.WhichOneof("policy_choice") == "latest" and policy.latest.num_versions == 2
    assert dict(model.version_labels) == {"stable": 1, "canary": 2}


@pytest.mark.parametrize("name", ["batching_cpu.config", "batching_gpu.config"])
def test_batches_have_the_sizes_of_the_warm_up_and_stamps_are_not_padded(name):
    batching = parsed(name, BatchingParameters())
    assert tuple(batching.allowed_batch_sizes) == WARM_UP_SIZES
    # TF Serving refuses any other order, and any other last size.
    assert batching.max_batch_size.value == batching.allowed_batch_sizes[-1]
    assert not batching.pad_variable_length_inputs
    assert batching.num_batch_threads.value >= 1 and batching.max_enqueued_batches.value >= 1
    assert 0 < batching.batch_timeout_micros.value <= 10_000


@pytest.mark.parametrize("name", ["batching_cpu.config", "batching_gpu.config"])
def test_every_value_of_a_batching_file_is_explained(name):
    lines = (CONFIG / name).read_text().splitlines()
    fields = {line.split("{")[0].split(":")[0].strip() for line in lines if line[:1].isalpha()}
    assert len(fields) == 6
    for field in fields:
        first = next(number for number, line in enumerate(lines) if line.startswith(field))
        assert lines[first - 1].startswith("# ")


def test_metrics_are_exported_for_prometheus():
    prometheus = parsed("monitoring.config", MonitoringConfig()).prometheus_config
    assert prometheus.enable and prometheus.path == "/monitoring/prometheus/metrics"


def test_a_misspelt_field_would_be_found():
    with pytest.raises(text_format.ParseError, match="max_batchsize"):
        text_format.Parse("max_batchsize { value: 64 }", BatchingParameters())
