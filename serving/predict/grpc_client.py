"""Classify through the gRPC interface of TF Serving, with the stubs of tensorflow-serving-api."""

from typing import Any

import grpc
import numpy as np

from serving.predict.address import Access, Address
from serving.predict.classifier import Answer, checked
from serving.predict.errors import (
    RefusedError,
    ServerError,
    TemporaryError,
    TooLargeError,
    VersionGoneError,
    one_line,
)
from serving.predict.payload import Files, Payload
from serving.predict.quiet import without_native_messages
from serving.predict.refusals import refused_objects

_AVAILABLE = 30  # ModelVersionStatus.State.AVAILABLE
_HTTP1 = ("http1", "http/1", "http2 settings", "unexpected http", "trying to connect an http1")


class GrpcClassifier:
    """A model behind a gRPC interface.

    Parameters
    ----------
    address : Address
    access : Access
    """

    def __init__(self, address: Address, access: Access) -> None:
        with without_native_messages():
            # The stubs import TensorFlow, for the definition of tensors.
            from tensorflow_serving.apis import model_service_pb2_grpc, prediction_service_pb2_grpc

        self._address, self._access = address, access
        # The limit of 4 MiB for messages would be that of the answers.
        options = [("grpc.max_receive_message_length", 64 * 2**20), ("grpc.max_send_message_length", -1)]
        if address.is_encrypted:
            certificate = access.ca_certificate.read_bytes() if access.ca_certificate else None
            credentials = grpc.ssl_channel_credentials(root_certificates=certificate)
            self._channel = grpc.secure_channel(address.host, credentials, options)
        else:
            self._channel = grpc.insecure_channel(address.host, options)
        self._metadata = [("authorization", f"Bearer {access.token}")] if access.token else []
        self._models = model_service_pb2_grpc.ModelServiceStub(self._channel)
        self._predictions = prediction_service_pb2_grpc.PredictionServiceStub(self._channel)
        self.version = "" if address.version is None else str(address.version)

    def versions(self) -> list[int]:
        """Return the versions that can be used, in ascending order; raise as `RestClassifier.versions`."""
        from tensorflow_serving.apis import get_model_status_pb2

        request = get_model_status_pb2.GetModelStatusRequest()
        request.model_spec.name = self._address.name
        try:
            status = self._call(self._models.GetModelStatus, request)
        except grpc.RpcError as error:
            if error.code() == grpc.StatusCode.NOT_FOUND:
                said = one_line(error.details())
                message = f"{self._address} has no model {self._address.name!r}: {said}"
                raise ServerError(message) from error
            raise self._failure(error) from error
        return sorted(
            int(entry.version) for entry in status.model_version_status if entry.state == _AVAILABLE
        )

    def classify(self, payload: Payload) -> Answer:
        """Classify objects, in one request."""
        from tensorflow_serving.apis import predict_pb2

        request = predict_pb2.PredictRequest()
        request.model_spec.name = self._address.name
        if self.version:
            request.model_spec.version.value = int(self.version)
        if isinstance(payload, Files):
            request.model_spec.signature_name = "classify_fits"
            _fill_texts(request.inputs["fits"], payload)
        else:
            request.model_spec.signature_name = "classify_flux"
            _fill_numbers(request.inputs["flux"], payload.values)
        try:
            response = self._call(self._predictions.Predict, request)
        except grpc.RpcError as error:
            raise self._refusal(error, request.ByteSize()) from error
        outputs = {name: self._values(name, tensor) for name, tensor in response.outputs.items()}
        answered = response.model_spec.version.value
        version = str(answered) if answered else self.version
        return checked(outputs, len(payload), version, str(self._address))

    def close(self) -> None:
        """Close the connection."""
        self._channel.close()

    def _call(self, method: Any, request: Any) -> Any:
        return method(request, timeout=self._access.deadline, metadata=self._metadata)

    def _values(self, name: str, tensor: Any) -> Any:
        from tensorflow import make_ndarray

        try:
            return make_ndarray(tensor).tolist()
        except (TypeError, ValueError):
            raise ServerError(f"{self._address} answers nonsense: {name} is not a tensor") from None

    def _refusal(self, error: Any, size: int) -> ServerError:
        code, details = error.code(), str(error.details() or "")
        if code == grpc.StatusCode.NOT_FOUND:
            what = f"version {self.version} of {self._address.name}"
            return VersionGoneError(f"{self._address} no longer has {what}: {one_line(details)}")
        if code == grpc.StatusCode.RESOURCE_EXHAUSTED and "larger than max" in details:
            return TooLargeError(f"{self._address} refuses {size:,} bytes in a request: {one_line(details)}")
        if code == grpc.StatusCode.INVALID_ARGUMENT:
            message = f"{self._address} refuses the request: {one_line(details)}"
            return RefusedError(message, refused_objects(details))
        return self._failure(error)

    def _failure(self, error: Any) -> ServerError:
        code, details = error.code(), one_line(error.details() or "")
        where = str(self._address)
        if code in (grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED):
            hint = "the token is not accepted" if self._access.token else "a token is needed"
            return ServerError(f"{where} refuses access ({code.name}): {hint}")
        if any(word in details.lower() for word in _HTTP1) or code == grpc.StatusCode.UNIMPLEMENTED:
            reason = f" ({details})" if details else ""
            return ServerError(
                f"{where} does not speak TF Serving's gRPC{reason}; is it the REST port (http://...)?"
            )
        if code == grpc.StatusCode.UNAVAILABLE and ("ssl" in details.lower() or "tls" in details.lower()):
            return ServerError(f"{where}: the TLS connection failed: {details}")
        if code == grpc.StatusCode.DEADLINE_EXCEEDED:
            return TemporaryError(f"{where} did not answer within {self._access.deadline:g} s")
        if code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED):
            return TemporaryError(f"{where} does not answer: {details or code.name}")
        return ServerError(f"{where} answers {code.name}: {details}")


def _fill_numbers(tensor: Any, values: np.ndarray) -> None:
    from tensorflow.core.framework import types_pb2

    tensor.dtype = types_pb2.DT_FLOAT
    for length in values.shape:
        tensor.tensor_shape.dim.add().size = length
    tensor.tensor_content = np.ascontiguousarray(values, "<f4").tobytes()


def _fill_texts(tensor: Any, payload: Files) -> None:
    from tensorflow.core.framework import types_pb2

    tensor.dtype = types_pb2.DT_STRING
    for length in (len(payload), len(payload.bands)):
        tensor.tensor_shape.dim.add().size = length
    tensor.string_val.extend(content for row in payload.contents for content in row)
