"""A stand-in for ``tensorflow_model_server``: its flags and gRPC services over one SavedModel, and no more.

    python fake_model_server.py --port=PORT --model_name=NAME --model_base_path=FOLDER ...

With BREAK in its environment it breaks: ``start``, ``load``, ``ask`` (at the first request), ``hang``.
"""

import os
import sys
import time
from functools import cached_property
from pathlib import Path

BREAK = os.environ.get("BREAK", "")
if sys.argv[1:] == ["--version"]:  # before the imports, which take seconds
    print("TensorFlow ModelServer: stand-in\nTensorFlow Library: none")
    sys.exit()
if BREAK == "start":
    print("Failed to start server. Error: no such flag")
    sys.exit(255)

from concurrent.futures import ThreadPoolExecutor  # noqa: E402

import grpc  # noqa: E402
import tensorflow as tf  # noqa: E402
from google.protobuf import any_pb2  # noqa: E402
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel  # noqa: E402
from tensorflow_serving.apis import (  # noqa: E402
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)


class Predictions(prediction_service_pb2_grpc.PredictionServiceServicer):
    def __init__(self, path):
        self.path = path

    @cached_property
    def signatures(self):
        return tf.saved_model.load(self.path).signatures

    def Predict(self, request, context):
        if BREAK == "ask":
            print("out of memory", flush=True)
            os._exit(7)
        if BREAK == "hang":
            time.sleep(60)
        inputs = {name: tf.make_ndarray(tensor) for name, tensor in request.inputs.items()}
        try:
            made = {name: tf.constant(value) for name, value in inputs.items()}
            found = self.signatures[request.model_spec.signature_name](**made)
        except (tf.errors.OpError, TypeError, ValueError) as error:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
        answer = predict_pb2.PredictResponse()
        for name, value in found.items():
            answer.outputs[name].CopyFrom(tf.make_tensor_proto(value.numpy()))
        return answer

    def GetModelMetadata(self, request, context):
        graph = SavedModel.FromString(Path(self.path, "saved_model.pb").read_bytes()).meta_graphs[0]
        packed = any_pb2.Any()
        packed.Pack(get_model_metadata_pb2.SignatureDefMap(signature_def=graph.signature_def))
        return get_model_metadata_pb2.GetModelMetadataResponse(metadata={"signature_def": packed})


class Status(model_service_pb2_grpc.ModelServiceServicer):
    def GetModelStatus(self, request, context):
        answer = get_model_status_pb2.GetModelStatusResponse()
        version = answer.model_version_status.add(version=1, state=30)
        if BREAK == "load":
            version.state = version.END
            version.status.error_code, version.status.error_message = 3, "Op type not\nregistered"
        return answer


def main():
    flags = dict(argument.removeprefix("--").split("=") for argument in sys.argv[1:])
    server = grpc.server(ThreadPoolExecutor(4), options=[("grpc.max_receive_message_length", -1)])
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(
        Predictions(f"{flags['model_base_path']}/1"), server
    )
    model_service_pb2_grpc.add_ModelServiceServicer_to_server(Status(), server)
    server.add_insecure_port(f"127.0.0.1:{flags['port']}")
    server.start()
    server.wait_for_termination()


main()
