"""The embedded server as a process: malformed requests, limits, and versions that change under load."""

import json
import subprocess
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import grpc
import numpy as np
import pytest
import requests
import tensorflow as tf
from served import galaxies, publish, serving
from tensorflow_serving.apis import model_service_pb2_grpc, predict_pb2, prediction_service_pb2_grpc
from tensorflow_serving.apis.classification_pb2 import ClassificationRequest
from tensorflow_serving.apis.model_management_pb2 import ReloadConfigRequest

from benchmarks.serving.malformed import fits_body, fits_bytes, malformed_requests
from serving.published import withdraw

pytestmark = pytest.mark.slow  # a server in a process of its own

GOOD = galaxies(1)[0, :, :, 0]
MALFORMED = malformed_requests(GOOD)


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("published") / "models"
    publish(folder / "1", seed=1)
    return folder


@pytest.fixture(scope="module")
def server(models):
    with serving(models, "--embedded", "--poll", "0.2") as running:
        yield running


@pytest.fixture(scope="module")
def stub(server):
    with grpc.insecure_channel(server.grpc) as channel:
        yield prediction_service_pb2_grpc.PredictionServiceStub(channel)


def flux_request(flux):
    request = predict_pb2.PredictRequest()
    request.model_spec.name = "galmorph"
    request.model_spec.signature_name = "classify_flux"
    request.inputs["flux"].CopyFrom(tf.make_tensor_proto(flux))
    return request


def test_the_description_of_the_model_is_served(server, models):
    stored = json.loads((models / "1" / "assets.extra" / "galmorph.json").read_text())
    for path in ("", "/versions/1", "/labels/stable"):
        assert requests.get(f"{server.model}{path}/galmorph.json", timeout=10).json() == stored
    assert requests.get(f"{server.model}/versions/7/galmorph.json", timeout=10).status_code == 404


def status(server):
    answer = requests.get(server.model, timeout=10).json()
    return {int(one["version"]): one for one in answer["model_version_status"]}


def wait_for(condition, seconds=60):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.05)


def test_there_are_thirty_different_malformed_requests():
    assert len({each.name for each in MALFORMED}) == len(
        {each.body + each.path.encode() for each in MALFORMED}
    )
    assert len(MALFORMED) == 30


@pytest.mark.parametrize("malformed", MALFORMED, ids=lambda malformed: malformed.name)
def test_a_malformed_request_is_refused_with_its_reason(server, malformed):
    answer = requests.post(server.model + malformed.path, data=malformed.body, timeout=30)
    assert answer.status_code == malformed.status
    error = answer.json()["error"]
    assert malformed.says in error and "{{node" not in error and "Op:" not in error


def test_other_paths_and_methods_are_refused(server):
    assert requests.get(f"{server.url}/v1/nonsense", timeout=10).status_code == 400
    assert requests.put(server.model, timeout=10).status_code == 400
    assert requests.get(f"{server.url}/other", timeout=10).status_code == 404
    assert requests.get(f"{server.url}/healthz", timeout=10).status_code == 200


def test_text_that_utf8_cannot_hold_is_refused(server):
    body = b'{"signature_name": "\\ud800", "instances": [1]}'
    answer = requests.post(f"{server.model}:predict", data=body, timeout=30)
    assert answer.status_code == 400 and r"\ud800" in answer.json()["error"]


def test_one_bad_file_in_the_middle_of_many_requests_spoils_none(server):
    good = fits_body([[fits_bytes(GOOD)] * 3] * 2)
    bad = fits_body([[fits_bytes(GOOD)] * 3, [fits_bytes(GOOD), b"no FITS", fits_bytes(GOOD)]])
    bodies = [bad if n % 10 == 3 else good for n in range(60)]
    with ThreadPoolExecutor(20) as pool:
        answers = list(
            pool.map(lambda body: requests.post(f"{server.model}:predict", data=body, timeout=60), bodies)
        )
    for body, answer in zip(bodies, answers, strict=True):
        if body is good:
            assert answer.status_code == 200 and len(answer.json()["predictions"]) == 2
        else:
            assert answer.status_code == 400
            assert answer.json()["error"].startswith("object 1, band R: not a FITS file")


def test_joined_requests_get_their_own_answers(server, models, stub):
    flux = galaxies(48, seed=3)
    signature = tf.saved_model.load(str(models / "1")).signatures["classify_flux"]
    expected = signature(flux=tf.constant(flux))["p_elliptical"].numpy()
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda one: stub.Predict(flux_request(one[None]), timeout=60), flux))
    values = [answer.outputs["p_elliptical"].float_val[0] for answer in answers]
    np.testing.assert_allclose(values, expected, atol=1e-5)
    metrics = requests.get(f"{server.url}/monitoring/prometheus/metrics", timeout=10).text
    name = ":tensorflow:serving:batching_session:processed_batch_size"
    numbers = dict(line.rsplit(" ", 1) for line in metrics.splitlines() if not line.startswith("#"))
    batches = float(numbers[f'{name}_count{{model_name="galmorph"}}'])
    assert float(numbers[f'{name}_sum{{model_name="galmorph"}}']) > batches  # some were joined
    count = ':tensorflow:serving:request_count{model_name="galmorph",entrypoint="gRPC",status="OK"}'
    assert int(numbers[count]) >= 48


def test_a_body_above_the_limit_is_413(server):
    answer = requests.post(f"{server.model}:predict", data=b" " * (65 * 2**20), timeout=60)
    assert answer.status_code == 413 and "64 MiB" in answer.json()["error"]


def test_a_grpc_message_above_the_limit_is_refused(stub):
    with pytest.raises(grpc.RpcError) as refused:
        stub.Predict(flux_request(np.zeros((1, 2400, 2400, 3), "f4")), timeout=60)
    assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert str(64 * 2**20) in refused.value.details()


@pytest.mark.parametrize("shape", [(0, 44, 44, 3), (2**31, 2**20, 1, 3)])
def test_absurd_shapes_are_refused(stub, shape):
    request = flux_request(np.ones((1, 1, 1, 3), "f4"))
    for axis, size in zip(request.inputs["flux"].tensor_shape.dim, shape, strict=True):
        axis.size = size
    request.inputs["flux"].ClearField("tensor_content")
    request.inputs["flux"].float_val.append(1.0)
    with pytest.raises(grpc.RpcError) as refused:
        stub.Predict(request, timeout=20)
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_fewer_files_than_the_shape_says_are_refused(stub):
    request = flux_request(np.ones((1, 1, 1, 3), "f4"))
    request.model_spec.signature_name = "classify_fits"
    request.inputs.clear()
    tensor = tf.make_tensor_proto(np.array([[b"a", b"b", b"c"]], object))
    tensor.tensor_shape.dim[0].size = 4
    request.inputs["fits"].CopyFrom(tensor)
    with pytest.raises(grpc.RpcError, match="3 strings for a shape of 12"):
        stub.Predict(request, timeout=20)


def test_a_deadline_is_kept(stub):
    flux = galaxies(200, side=100)
    started = time.monotonic()
    with pytest.raises(grpc.RpcError) as late:
        stub.Predict(flux_request(flux), timeout=0.02)
    assert late.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED and time.monotonic() - started < 5


def test_what_is_not_implemented_says_so(server):
    with grpc.insecure_channel(server.grpc) as channel:
        with pytest.raises(grpc.RpcError) as refused:
            prediction_service_pb2_grpc.PredictionServiceStub(channel).Classify(
                ClassificationRequest(), timeout=10
            )
        assert refused.value.code() is grpc.StatusCode.UNIMPLEMENTED and "Predict" in refused.value.details()
        with pytest.raises(grpc.RpcError) as refused:
            model_service_pb2_grpc.ModelServiceStub(channel).HandleReloadConfigRequest(
                ReloadConfigRequest(), timeout=10
            )
        assert refused.value.code() is grpc.StatusCode.UNIMPLEMENTED


def test_a_client_that_goes_away_does_no_harm(server):
    body = json.dumps({"signature_name": "classify_flux", "inputs": galaxies(60).tolist()}).encode()
    for _ in range(3):
        with pytest.raises(requests.Timeout):
            requests.post(f"{server.model}:predict", data=body, timeout=(5, 0.001))
    assert status(server)[1]["state"] == "AVAILABLE"


@contextmanager
def load_of(server, threads=4):
    """Requests without pause; counts versions and failures."""
    seen, failures, stop = Counter(), [], threading.Event()
    request = flux_request(galaxies(2))

    def ask(channel):
        predict = prediction_service_pb2_grpc.PredictionServiceStub(channel).Predict
        while not stop.is_set():
            try:
                seen[predict(request, timeout=60).model_spec.version.value] += 1
            except grpc.RpcError as error:
                failures.append(f"{error.code()}: {error.details()}")

    with grpc.insecure_channel(server.grpc) as channel:
        workers = [threading.Thread(target=ask, args=(channel,)) for _ in range(threads)]
        for worker in workers:
            worker.start()
        try:
            yield seen, failures
        finally:
            stop.set()
            for worker in workers:
                worker.join()


def test_no_request_fails_while_versions_come_break_and_go(server, models, tmp_path):
    for version in (2, 4):
        publish(tmp_path / str(version), seed=version)
    publish(tmp_path / "3", seed=3)
    (tmp_path / "3" / "variables" / "variables.data-00000-of-00001").write_bytes(b"damaged")
    with load_of(server) as (seen, failures):
        wait_for(lambda: seen[1] > 5)
        (tmp_path / "2").rename(models / "2")
        wait_for(lambda: seen[2] > 5)
        (tmp_path / "3").rename(models / "3")
        wait_for(lambda: 3 in status(server) and status(server)[3]["state"] == "END")
        broken = status(server)
        (tmp_path / "4").rename(models / "4")
        wait_for(lambda: seen[4] > 5)
        before = seen[2]
        withdraw(models, 4)
        withdraw(models, 3)
        wait_for(lambda: seen[2] > before + 5)
    assert failures == [] and seen[3] == 0
    assert broken[2]["state"] == "AVAILABLE"
    assert broken[3]["status"]["error_code"] != "OK" and broken[3]["status"]["error_message"]
    assert status(server)[2]["state"] == "AVAILABLE" and status(server)[4]["state"] == "END"


def test_the_server_still_runs_and_said_nothing_of_a_fault(server):
    assert server.process.poll() is None
    text = server.log.read_text()
    assert "Traceback" not in text and "please report" not in text


def test_it_needs_neither_tfx_nor_keras():
    code = (
        "import sys; sys.modules.update(dict.fromkeys(['keras', 'tf_keras', 'tfx', 'trainer', 'pipeline']));"
        "import serving.embedded.server, serving.embedded.rest; print('tfx.v1' in sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert (ran.returncode, ran.stdout.strip()) == (0, "False"), ran.stderr
