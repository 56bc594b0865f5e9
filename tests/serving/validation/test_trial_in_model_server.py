"""The trial through TF Serving's gRPC services: of a stand-in, and of the real binary with TF_SERVING_BIN."""

import os
import stat
import sys
from pathlib import Path

import pytest
from tried_models import asked, description, export, records

from serving.model_server import BINARY_VARIABLE
from serving.validation.model_server import ModelServer, find_binary
from serving.validation.served import Patience
from serving.validation.trial import TOLERANCE, try_model

REAL = os.environ.get(BINARY_VARIABLE)
STAND_IN = Path(__file__).parents[2] / "support/fake_model_server.py"


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return export(tmp_path_factory.mktemp("model") / "model")


@pytest.fixture(scope="module")
def sample(model, tmp_path_factory):
    return asked(model, records(tmp_path_factory.mktemp("galaxies"), 5))


@pytest.fixture
def stand_in(tmp_path, monkeypatch):
    script = tmp_path / "tensorflow_model_server"
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{STAND_IN}" "$@"\n')
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv(BINARY_VARIABLE, str(script))
    monkeypatch.setattr("serving.validation.latency.ENOUGH_SECONDS", 0.1)
    return monkeypatch


def tried(model, sample, patience=None):
    return try_model(model, description(model), sample, ModelServer, patience=patience)


def check(trial):
    assert trial.blessed, trial.reasons
    assert trial.server == "tensorflow_model_server" and trial.version.startswith("TensorFlow ModelServer: ")
    signatures = ("serving_default", "classify_flux", "describe_flux", "classify_fits")
    assert trial.compared == dict.fromkeys(signatures, 5)
    assert trial.refused == 16 and max(trial.largest_difference.values()) <= TOLERANCE
    assert trial.load_seconds > 0 and trial.peak_memory > 10 << 20


def test_a_good_model_is_blessed(stand_in, model, sample):
    check(tried(model, sample))


@pytest.mark.skipif(not REAL, reason="needs TF_SERVING_BIN")
def test_a_good_model_is_blessed_by_tf_serving_itself(model, sample):
    check(tried(model, sample))


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (
            "start",
            "the server ended while loading the model: Failed to start server. Error: no such flag",
        ),
        ("load", "the model does not load: Op type not registered"),
        ("ask", "the server ended while answering serving_default: out of memory"),
        ("hang", "the server was still answering serving_default after 2 s ([serving] timeout)"),
    ],
)
def test_faults_of_the_server_are_reasons(stand_in, model, sample, fault, reason):
    stand_in.setenv("BREAK", fault)
    assert tried(model, sample, Patience(120, 2)).reasons == [reason]


def test_a_binary_that_is_not_there_is_a_reason(model, sample, monkeypatch):
    monkeypatch.setenv(BINARY_VARIABLE, "/nowhere/tensorflow_model_server")
    (reason,) = tried(model, sample).reasons
    assert reason == "/nowhere/tensorflow_model_server does not start: No such file or directory"


def test_the_binary_is_found_on_the_path(tmp_path, monkeypatch):
    monkeypatch.delenv(BINARY_VARIABLE, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_binary() is None
    script = tmp_path / "tensorflow_model_server"
    script.touch()
    script.chmod(0o755)
    assert find_binary() == str(script)
