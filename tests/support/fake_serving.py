"""Small servers that speak TF Serving's REST and gRPC, well or badly, over a function instead of a model."""

import base64
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

Outputs = dict[str, Any]


class Refusal(Exception):
    """INVALID_ARGUMENT, with the message of the graph."""


@dataclass
class FakeModel:
    """What the server does; tests change it while it runs.

    Attributes
    ----------
    classify
        From the name of a signature and its input, a list of one thing for each object, to outputs.
    versions
        Versions that are ready.
    before
        Called before every Predict with the number of those before; may return a Response (REST), or raise.
    """

    classify: Callable[[str, Any], Outputs]
    versions: list[int] = field(default_factory=lambda: [3])
    description: dict[str, Any] | None = None
    before: Callable[[int], Response | None] = lambda number: None
    largest: int = 2**30
    asked: list[tuple[str, int]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, signature: str, count: int) -> int:
        with self.lock:
            self.asked.append((signature, count))
            return len(self.asked) - 1


def brightness(signature: str, inputs: Any) -> Outputs:
    """Classify by a mean, which a test can compute on its own: p = mean / (1 + mean)."""
    if signature == "classify_fits":
        means = []
        for place, files in enumerate(inputs):
            for band, content in zip("IRG", files, strict=True):
                if not content.startswith(b"SIMPLE"):
                    raise Refusal(
                        f"object {place}, band {band}: not a FITS file; it does not begin with SIMPLE"
                    )
            means.append(float(len(files[0])) % 7)
    else:
        means = [float(np.nanmean(one)) for one in inputs]
    p = np.array([mean / (1 + mean) for mean in means], "f4")
    words = ["elliptical" if one > 0.75 else "spiral" if one < 0.25 else "uncertain" for one in p]
    return {"p_elliptical": p.tolist(), "p_spiral": (1 - p).tolist(), "morphology": words}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return base64.b64decode(value["b64"], validate=True)
    return [_plain(one) for one in value] if isinstance(value, list) else value


def _flux_of_example(content: bytes) -> np.ndarray:
    import tensorflow as tf

    example = tf.train.Example.FromString(content)
    values = [example.features.feature[f"flux_{band}"].bytes_list.value[0] for band in "IRG"]
    return np.stack([np.frombuffer(value, "<f4") for value in values])


@contextmanager
def rest_server(model: FakeModel, decode_examples: bool = True, **options: Any) -> Iterator[str]:
    """Run a REST server, and yield its URL."""

    def error(status: int, message: str) -> Response:
        return JSONResponse({"error": message}, status)

    async def status(request: Request) -> Response:
        model.headers.append(dict(request.headers))
        if request.path_params["name"] != "galmorph":
            return error(404, f"Could not find any versions of model {request.path_params['name']}")
        entries = [{"version": str(v), "state": "AVAILABLE", "status": {}} for v in model.versions]
        return JSONResponse({"model_version_status": [*entries, {"version": "1", "state": "END"}]})

    async def description(request: Request) -> Response:
        return JSONResponse(model.description) if model.description else error(404, "Not found")

    def predict(version: int, body: dict[str, Any]) -> Response:
        number = model.note(body["signature_name"], len(next(iter(body["inputs"].values()))))
        if (answer := model.before(number)) is not None:
            return answer
        if version not in model.versions:
            return error(404, f"Servable not found for request: Specific(galmorph, {version})")
        inputs = _plain(next(iter(body["inputs"].values())))
        if body["signature_name"] == "serving_default" and decode_examples:
            inputs = [_flux_of_example(one) for one in inputs]
        try:
            outputs = model.classify(body["signature_name"], inputs)
        except Refusal as refusal:
            return error(400, f"assertion failed: [{refusal}]\n\t [[{{{{node while/Assert/Assert}}}}]]")
        return Response(json.dumps({"outputs": outputs}), media_type="application/json")

    async def predictions(request: Request) -> Response:
        from starlette.concurrency import run_in_threadpool

        content = await request.body()
        model.headers.append(dict(request.headers))
        if len(content) > model.largest:
            return error(413, "too large")
        version = int(request.path_params["version"])
        return await run_in_threadpool(predict, version, json.loads(content))

    routes = [
        Route("/v1/models/{name}/versions/{version:int}:predict", predictions, methods=["POST"]),
        Route("/v1/models/{name}/versions/{version:int}/galmorph.json", description),
        Route("/v1/models/{name}", status),
    ]
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        config = uvicorn.Config(Starlette(routes=routes), log_level="critical", **options)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.01)
        scheme = "https" if options.get("ssl_certfile") else "http"
        yield f"{scheme}://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = server.force_exit = True
        thread.join(5)


@contextmanager
def grpc_server(model: FakeModel) -> Iterator[str]:
    """Run a gRPC server with TF Serving's services, and yield its URL."""
    import grpc
    import tensorflow as tf
    from tensorflow_serving.apis import (
        get_model_status_pb2,
        model_service_pb2_grpc,
        predict_pb2,
        prediction_service_pb2_grpc,
    )

    class Models(model_service_pb2_grpc.ModelServiceServicer):
        def GetModelStatus(self, request, context):
            model.headers.append(dict(context.invocation_metadata()))
            if request.model_spec.name != "galmorph":
                context.abort(grpc.StatusCode.NOT_FOUND, "Could not find any versions of model")
            answer = get_model_status_pb2.GetModelStatusResponse()
            for version in model.versions:
                answer.model_version_status.add(version=version, state=30)
            return answer

    class Predictions(prediction_service_pb2_grpc.PredictionServiceServicer):
        def Predict(self, request, context):
            inputs = tf.make_ndarray(next(iter(request.inputs.values())))
            number = model.note(request.model_spec.signature_name, len(inputs))
            try:
                model.before(number)
            except RuntimeError as error:
                context.abort(getattr(grpc.StatusCode, error.args[0]), error.args[1])
            version = request.model_spec.version.value
            if version not in model.versions:
                message = f"Servable not found for request: Specific(galmorph, {version})"
                context.abort(grpc.StatusCode.NOT_FOUND, message)
            try:
                outputs = model.classify(request.model_spec.signature_name, list(inputs))
            except Refusal as refusal:
                context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"assertion failed: [{refusal}]")
            answer = predict_pb2.PredictResponse()
            answer.model_spec.name, answer.model_spec.version.value = "galmorph", version
            for name, values in outputs.items():
                kind = tf.string if name == "morphology" else tf.float32
                answer.outputs[name].CopyFrom(tf.make_tensor_proto(values, kind))
            return answer

    options = [("grpc.max_receive_message_length", model.largest)]
    server = grpc.server(ThreadPoolExecutor(8), options=options)
    model_service_pb2_grpc.add_ModelServiceServicer_to_server(Models(), server)
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(Predictions(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"grpc://127.0.0.1:{port}"
    finally:
        server.stop(None)
