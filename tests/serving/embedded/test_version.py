import logging

import grpc
import numpy as np
import pytest
import tensorflow as tf
from served import galaxies, publish
from tensorflow_serving.apis.prediction_log_pb2 import PredictionLog

from evaluation.formats.exported_model import WARM_UP_FILE
from serving.embedded.errors import ServingError
from serving.embedded.version import LoadedVersion


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return publish(tmp_path_factory.mktemp("models") / "7", seed=1)


@pytest.fixture(scope="module")
def version(folder):
    return LoadedVersion(folder, 7)


def write_warm_up(folder, *fluxes, signature="classify_flux"):
    with tf.io.TFRecordWriter(str(folder / WARM_UP_FILE)) as writer:
        for flux in fluxes:
            log = PredictionLog()
            request = log.predict_log.request
            request.model_spec.signature_name = signature
            request.inputs["flux"].CopyFrom(tf.make_tensor_proto(flux))
            writer.write(log.SerializeToString())


@pytest.fixture
def warm_up(folder):
    yield lambda *fluxes, **options: write_warm_up(folder, *fluxes, **options)
    (folder / WARM_UP_FILE).unlink()


def test_the_signatures_are_those_of_the_file(version):
    signature = version.signature("classify_flux")
    assert signature.inputs["flux"].shape == (None, None, None, 3)
    assert {"p_elliptical", "p_spiral", "morphology"} <= set(signature.outputs)
    assert version.signature("").name == "serving_default"
    with pytest.raises(ServingError, match=r'"other" not found. The model has classify_fits'):
        version.signature("other")


def test_warm_up_requests_are_replayed_before_a_version_is_ready(folder, warm_up, caplog):
    caplog.set_level(logging.INFO, logger="serving")
    warm_up(galaxies(1), galaxies(8))
    LoadedVersion(folder, 7)
    assert "version 7 answered 2 warm-up requests" in caplog.text


@pytest.mark.parametrize(
    ("flux", "signature"),
    [
        (np.ones((1, 20, 20, 3), "f4"), "classify_flux"),
        (galaxies(1), "other"),
        (galaxies(0), "classify_flux"),
    ],
)
def test_a_version_that_fails_its_warm_up_is_not_ready(folder, warm_up, flux, signature):
    warm_up(flux, signature=signature)
    with pytest.raises(ServingError):
        LoadedVersion(folder, 7)


def test_errors_of_the_graph_lose_the_names_of_its_nodes(version):
    files = np.array([[b"a", b"b", b"c"]], object)
    with pytest.raises(ServingError) as refused:
        version.run("classify_fits", {"fits": files})
    message = refused.value.message
    assert message.startswith("object 0, band I: not a FITS file") and message.endswith("with SIMPLE")
    with pytest.raises(ServingError) as refused:
        version.run("classify_flux", {"flux": np.ones((1, 20, 20, 3), "f4")})
    assert refused.value.message == "stamps must be at least 40 x 40 pixels"
    assert refused.value.code is grpc.StatusCode.INVALID_ARGUMENT
    with pytest.raises(ServingError, match=r"flux_[IRG].*required"):
        version.run("serving_default", {"examples": np.array([b""], object)})


def test_a_message_fits_into_a_grpc_header():
    error = ServingError(grpc.StatusCode.INTERNAL, "x" * 10_000)
    assert len(error.message) == 2000 and error.http_status == 500
