"""What clients of TF Serving rely on: the same for the embedded server and for the program itself.

The program is tested where the environment variable TF_SERVING_BIN names it.
"""

import base64
import json
import math
import os

import grpc
import numpy as np
import pytest
import requests
import tensorflow as tf
from served import BANDS, fits_bytes, galaxies, publish, serving
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

pytestmark = pytest.mark.slow  # a server in a process of its own

needs_binary = pytest.mark.skipif(
    not os.environ.get("TF_SERVING_BIN"), reason="TF_SERVING_BIN names no tensorflow_model_server"
)
FLUX = galaxies(3)


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("published") / "models"
    for version in (1, 2):
        publish(folder / str(version), seed=version)
    return folder


@pytest.fixture(scope="module", params=["embedded", pytest.param("tf_serving", marks=needs_binary)])
def server(request, models):
    options = ("--embedded",) if request.param == "embedded" else ()
    with serving(models, *options) as running:
        yield running


@pytest.fixture(scope="module")
def direct(models):
    signature = tf.saved_model.load(str(models / "2")).signatures["classify_flux"]
    answers = signature(flux=tf.constant(FLUX))
    return {name: value.numpy() for name, value in answers.items()}


@pytest.fixture(scope="module")
def channel(server):
    with grpc.insecure_channel(server.grpc) as opened:
        yield opened


def post(server, body, path=":predict"):
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return requests.post(server.model + path, data=data, timeout=60)


def flux_request(flux=FLUX, signature="classify_flux"):
    request = predict_pb2.PredictRequest()
    request.model_spec.name = "galmorph"
    request.model_spec.signature_name = signature
    request.inputs["flux"].CopyFrom(tf.make_tensor_proto(flux))
    return request


def predict(channel, request, timeout=60):
    return prediction_service_pb2_grpc.PredictionServiceStub(channel).Predict(request, timeout=timeout)


def test_the_status_names_the_newest_version(server):
    answer = requests.get(server.model, timeout=10)
    assert answer.status_code == 200
    states = {one["version"]: one for one in answer.json()["model_version_status"]}
    assert states["2"]["state"] == "AVAILABLE"
    assert states["2"]["status"] == {"error_code": "OK", "error_message": ""}
    one = requests.get(f"{server.model}/versions/2", timeout=10).json()
    assert [each["version"] for each in one["model_version_status"]] == ["2"]


@pytest.mark.parametrize("path", ["/v1/models/galmorph/versions/9", "/v1/models/other"])
def test_the_status_of_what_is_not_there_is_404(server, path):
    answer = requests.get(server.url + path, timeout=10)
    assert answer.status_code == 404 and set(answer.json()) == {"error"}


def test_the_metadata_name_type_and_shape_of_each_input(server):
    described = requests.get(f"{server.model}/metadata", timeout=10).json()
    assert described["model_spec"]["name"] == "galmorph" and described["model_spec"]["version"] == "2"
    signatures = described["metadata"]["signature_def"]["signature_def"]
    assert {"serving_default", "classify_flux", "classify_fits"} <= set(signatures)
    flux = signatures["classify_flux"]["inputs"]["flux"]
    assert flux["dtype"] == "DT_FLOAT"
    assert [axis["size"] for axis in flux["tensor_shape"]["dim"]] == ["-1", "-1", "-1", "3"]
    assert "p_elliptical" in signatures["classify_fits"]["outputs"]


@pytest.mark.parametrize(
    "body",
    [
        {"instances": [{"flux": one} for one in FLUX.tolist()]},
        {"instances": FLUX.tolist()},
    ],
    ids=["named", "plain"],
)
def test_rows_are_answered_by_rows(server, direct, body):
    answer = post(server, {"signature_name": "classify_flux", **body})
    assert answer.status_code == 200 and answer.headers["content-type"].startswith("application/json")
    rows = answer.json()["predictions"]
    np.testing.assert_allclose([row["p_elliptical"] for row in rows], direct["p_elliptical"], atol=1e-5)
    assert [row["morphology"].encode() for row in rows] == direct["morphology"].tolist()


@pytest.mark.parametrize("inputs", [{"flux": FLUX.tolist()}, FLUX.tolist()], ids=["named", "plain"])
def test_columns_are_answered_by_columns(server, direct, inputs):
    outputs = post(server, {"signature_name": "classify_flux", "inputs": inputs}).json()["outputs"]
    np.testing.assert_allclose(outputs["p_elliptical"], direct["p_elliptical"], atol=1e-5)
    np.testing.assert_allclose(outputs["p_spiral"], direct["p_spiral"], atol=1e-5)


def test_a_description_has_a_row_of_features_for_each_galaxy(server, channel, direct):
    answer = post(server, {"signature_name": "describe_flux", "instances": FLUX.tolist()}).json()
    rows = answer["predictions"]
    np.testing.assert_allclose([row["p_elliptical"] for row in rows], direct["p_elliptical"], atol=1e-5)
    each = np.array([row["p_elliptical_models"] for row in rows])
    np.testing.assert_allclose(each[:, 0], direct["p_elliptical"], atol=1e-5)
    assert np.array([row["embedding"] for row in rows]).shape == (len(FLUX), 64)
    found = predict(channel, flux_request(signature="describe_flux")).outputs["embedding"]
    np.testing.assert_allclose(tf.make_ndarray(found), [row["embedding"] for row in rows], atol=1e-5)


def test_fits_files_travel_as_base64(server, direct):
    planes = [[fits_bytes(one[..., band]) for band in range(3)] for one in FLUX]
    rows = [[{"b64": base64.b64encode(file).decode()} for file in files] for files in planes]
    answer = post(server, {"signature_name": "classify_fits", "instances": rows}).json()
    probabilities = [row["p_elliptical"] for row in answer["predictions"]]
    np.testing.assert_allclose(probabilities, direct["p_elliptical"], atol=1e-5)
    answer = post(server, {"signature_name": "classify_fits", "inputs": {"fits": rows}}).json()
    np.testing.assert_allclose(answer["outputs"]["p_elliptical"], direct["p_elliptical"], atol=1e-5)


def test_examples_are_the_default(server, direct):
    def example(one):
        planes = {f"flux_{band}": one[2:-2, 2:-2, place].tobytes() for place, band in enumerate(BANDS)}
        features = {
            name: tf.train.Feature(bytes_list=tf.train.BytesList(value=[plane]))
            for name, plane in planes.items()
        }
        return tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()

    rows = [{"b64": base64.b64encode(example(one)).decode()} for one in FLUX]
    answer = post(server, {"instances": rows}).json()
    probabilities = [row["p_elliptical"] for row in answer["predictions"]]
    np.testing.assert_allclose(probabilities, direct["p_elliptical"], atol=1e-5)


def test_a_version_can_be_named(server):
    body = {"signature_name": "classify_flux", "instances": FLUX.tolist()}
    assert post(server, body, "/versions/2:predict").json() == post(server, body).json()
    refused = post(server, body, "/versions/9:predict")
    assert refused.status_code == 404 and "9" in refused.json()["error"]


def test_nan_is_read_and_written_as_a_literal(server):
    blank = np.full((1, 44, 44, 3), np.nan).tolist()
    answer = post(server, {"signature_name": "classify_flux", "instances": blank})
    assert answer.status_code == 200 and "NaN" in answer.text
    (row,) = answer.json()["predictions"]
    assert math.isnan(row["p_elliptical"]) and row["morphology"] == "uncertain"


def test_more_objects_than_the_graph_takes_at_once(server, models):
    flux = galaxies(70, seed=5)
    signature = tf.saved_model.load(str(models / "2")).signatures["classify_flux"]
    expected = signature(flux=tf.constant(flux))["p_elliptical"].numpy()
    answer = post(server, {"signature_name": "classify_flux", "inputs": flux.tolist()}).json()
    np.testing.assert_allclose(answer["outputs"]["p_elliptical"], expected, atol=1e-5)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[1]",
        {},
        {"signature_name": "classify_flux"},
        {"signature_name": "nonsense", "instances": [1]},
        {"signature_name": 5, "instances": [1]},
        {"signature_name": "classify_flux", "instances": []},
        {"signature_name": "classify_flux", "instances": {}},
        {"signature_name": "classify_flux", "instances": [1], "inputs": [1]},
        {"signature_name": "classify_flux", "instances": [{"fits": [1]}]},
        {"signature_name": "classify_flux", "inputs": {"fits": [1]}},
        {"signature_name": "classify_flux", "instances": [[[[1, 2, "x"]]]]},
        {"signature_name": "classify_flux", "instances": [[[[1, 2, None]]]]},
        {"signature_name": "classify_flux", "instances": [[[[1, 2, 3]], [[1, 2]]]]},
        {"signature_name": "classify_flux", "instances": [[[[1, 2, 3, 4]]]]},
        {"signature_name": "classify_flux", "instances": [[[1, 2, 3]]]},
        {"signature_name": "classify_flux", "instances": np.ones((1, 20, 20, 3)).tolist()},
        {"signature_name": "classify_fits", "instances": [[{"b64": "?"}, {"b64": "?"}, {"b64": "?"}]]},
        {"signature_name": "classify_fits", "instances": [[{"b64": "eA=="}, {"b64": "eA=="}]]},
        {"signature_name": "classify_fits", "instances": [[1, 2, 3]]},
    ],
)
def test_malformed_requests_are_400_with_a_reason(server, body):
    answer = post(server, body)
    assert answer.status_code == 400
    assert set(answer.json()) == {"error"} and answer.json()["error"]


def test_a_bad_file_is_named_by_its_place(server):
    planes = [[fits_bytes(one[..., band]) for band in range(3)] for one in FLUX]
    planes[1][2] = b"no FITS"
    rows = [[{"b64": base64.b64encode(file).decode()} for file in files] for files in planes]
    answer = post(server, {"signature_name": "classify_fits", "instances": rows})
    assert answer.status_code == 400 and "object 1, band G: not a FITS file" in answer.json()["error"]


def test_grpc_answers_what_rest_answers(channel, direct):
    response = predict(channel, flux_request())
    assert response.model_spec.version.value == 2 and response.model_spec.signature_name == "classify_flux"
    # Many clients read the field of the type, and not `tensor_content`.
    answers = list(response.outputs["p_elliptical"].float_val)
    np.testing.assert_allclose(answers, direct["p_elliptical"], atol=1e-6)
    assert list(response.outputs["morphology"].string_val) == direct["morphology"].tolist()
    assert [axis.size for axis in response.outputs["p_spiral"].tensor_shape.dim] == [3]


def test_grpc_takes_values_as_content_and_as_numbers(channel):
    request = flux_request()
    tensor = request.inputs["flux"]
    assert tensor.tensor_content
    by_content = predict(channel, request).outputs["p_elliptical"]
    tensor.ClearField("tensor_content")
    tensor.float_val.extend(FLUX.reshape(-1).tolist())
    assert predict(channel, request).outputs["p_elliptical"].float_val == by_content.float_val


def test_grpc_outputs_can_be_chosen(channel):
    request = flux_request()
    request.output_filter.append("morphology")
    assert set(predict(channel, request).outputs) == {"morphology"}
    request.output_filter.append("nothing")
    with pytest.raises(grpc.RpcError) as refused:
        predict(channel, request)
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_grpc_describes_model_and_status(channel):
    request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
    request.model_spec.name = "galmorph"
    stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
    response = stub.GetModelMetadata(request, timeout=10)
    packed = get_model_metadata_pb2.SignatureDefMap()
    assert response.metadata["signature_def"].Unpack(packed)
    assert packed.signature_def["classify_fits"].inputs["fits"].dtype == tf.string.as_datatype_enum
    status = get_model_status_pb2.GetModelStatusRequest()
    status.model_spec.name = "galmorph"
    states = model_service_pb2_grpc.ModelServiceStub(channel).GetModelStatus(status, timeout=10)
    available = get_model_status_pb2.ModelVersionStatus.AVAILABLE
    assert 2 in [one.version for one in states.model_version_status if one.state == available]


def test_grpc_refusals_have_the_codes_of_tf_serving(channel):
    def code(change, request=None):
        request = request or flux_request()
        change(request)
        with pytest.raises(grpc.RpcError) as refused:
            predict(channel, request)
        assert refused.value.details()
        return refused.value.code()

    wrong = grpc.StatusCode.INVALID_ARGUMENT
    assert code(lambda request: setattr(request.model_spec, "name", "other")) is grpc.StatusCode.NOT_FOUND
    assert code(lambda request: setattr(request.model_spec.version, "value", 9)) is grpc.StatusCode.NOT_FOUND
    assert code(lambda request: setattr(request.model_spec, "signature_name", "other")) in (
        wrong,
        grpc.StatusCode.FAILED_PRECONDITION,
    )
    assert code(lambda request: request.inputs.clear()) is wrong
    assert code(lambda request: request.inputs["more"].CopyFrom(request.inputs["flux"])) is wrong
    assert code(lambda request: None, flux_request(FLUX[..., :2])) is wrong
    assert code(lambda request: None, flux_request(FLUX.astype("f8"))) is wrong
    assert code(lambda request: None, flux_request(FLUX[:, :20])) is wrong


def test_a_message_of_more_than_four_megabytes_is_answered(channel):
    flux = galaxies(30, side=128)
    assert flux.nbytes > 4 * 2**20
    assert len(predict(channel, flux_request(flux)).outputs["p_elliptical"].float_val) == 30
