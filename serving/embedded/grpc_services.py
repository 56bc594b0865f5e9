"""The gRPC services of TF Serving."""

import grpc
from google.protobuf.message import Message
from tensorflow_serving.apis import (
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)
from tensorflow_serving.apis.model_pb2 import ModelSpec

from serving.embedded.errors import ServingError, invalid
from serving.embedded.predictor import Counted, Predictor
from serving.embedded.protobuf_tensors import arrays_of, write_tensor
from serving.embedded.status import model_metadata, model_status

_NOT_HERE = (
    "the embedded server of galmorph answers Predict only; use TF Serving, or the signatures by Predict"
)


def add_services(server: grpc.aio.Server, predictor: Predictor) -> None:
    """Add PredictionService and ModelService to a server."""
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(_Prediction(predictor), server)
    model_service_pb2_grpc.add_ModelServiceServicer_to_server(_Models(predictor), server)


async def _refuse(context: grpc.aio.ServicerContext, error: ServingError) -> None:
    await context.abort(error.code, error.message)


class _Prediction(prediction_service_pb2_grpc.PredictionServiceServicer):
    def __init__(self, predictor: Predictor) -> None:
        self._predictor = predictor

    async def Predict(self, request, context):
        try:
            with Counted(self._predictor.metrics, "gRPC"):
                return await self._predict(request, context.time_remaining())
        except ServingError as error:
            await _refuse(context, error)

    async def _predict(
        self, request: predict_pb2.PredictRequest, seconds: float | None
    ) -> predict_pb2.PredictResponse:
        spec = request.model_spec
        version = self._predictor.find(spec.name, *_choice(spec))
        answers = await self._predictor.predict(
            version,
            spec.signature_name,
            arrays_of(request.inputs),
            outputs=tuple(request.output_filter),
            seconds=seconds,
        )
        response = predict_pb2.PredictResponse()
        response.model_spec.name = spec.name
        response.model_spec.version.value = version.number
        response.model_spec.signature_name = version.signature(spec.signature_name).name
        for name, answer in answers.items():
            write_tensor(answer, response.outputs[name])
        return response

    async def GetModelMetadata(self, request, context):
        try:
            if list(request.metadata_field) != ["signature_def"]:
                fields = ", ".join(request.metadata_field) or "none"
                raise invalid(f'metadata_field must be "signature_def"; the request has {fields}')
            spec = request.model_spec
            return model_metadata(self._predictor, spec.name, *_choice(spec))[0]
        except ServingError as error:
            await _refuse(context, error)

    async def Classify(self, request: Message, context):
        await context.abort(grpc.StatusCode.UNIMPLEMENTED, _NOT_HERE)

    async def Regress(self, request: Message, context):
        await context.abort(grpc.StatusCode.UNIMPLEMENTED, _NOT_HERE)

    async def MultiInference(self, request: Message, context):
        await context.abort(grpc.StatusCode.UNIMPLEMENTED, _NOT_HERE)


class _Models(model_service_pb2_grpc.ModelServiceServicer):
    def __init__(self, predictor: Predictor) -> None:
        self._predictor = predictor

    async def GetModelStatus(self, request, context):
        try:
            spec = request.model_spec
            return model_status(self._predictor, spec.name, *_choice(spec))
        except ServingError as error:
            await _refuse(context, error)

    async def HandleReloadConfigRequest(self, request: Message, context):
        message = "the embedded server of galmorph serves one model, and watches its folder for versions"
        await context.abort(grpc.StatusCode.UNIMPLEMENTED, message)


def _choice(spec: ModelSpec) -> tuple[int | None, str]:
    """Return the version and the label that a request names."""
    return (spec.version.value if spec.HasField("version") else None), spec.version_label
