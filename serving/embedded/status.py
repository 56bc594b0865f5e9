"""Status and metadata of the model as messages of TF Serving."""

import grpc
from tensorflow_serving.apis.get_model_metadata_pb2 import GetModelMetadataResponse, SignatureDefMap
from tensorflow_serving.apis.get_model_status_pb2 import GetModelStatusResponse

from evaluation.formats.exported_model import MODEL_NAME
from serving.embedded.errors import ServingError
from serving.embedded.predictor import Predictor


def model_status(
    predictor: Predictor, name: str, number: int | None = None, label: str = ""
) -> GetModelStatusResponse:
    """Return the state of each version, or of one; raise `ServingError` if there is none."""
    if name != MODEL_NAME:
        raise ServingError(
            grpc.StatusCode.NOT_FOUND,
            f"Could not find any versions of model {name}; the model's name is {MODEL_NAME}",
        )
    if label:
        number = predictor.find(name, None, label).number
    states = predictor.versions.states
    if number is not None and number not in states:
        raise ServingError(
            grpc.StatusCode.NOT_FOUND,
            f"Could not find version {number} of model {name}; there are {list(states)}",
        )
    response = GetModelStatusResponse()
    for version, state in states.items():
        if number in (None, version):
            status = response.model_version_status.add(version=version, state=state.state)
            status.status.error_code = state.code.value[0]
            status.status.error_message = state.message
    return response


def model_metadata(
    predictor: Predictor, name: str, number: int | None = None, label: str = ""
) -> tuple[GetModelMetadataResponse, SignatureDefMap]:
    """Return the signatures of a version: in the response, packed, and as they are."""
    version = predictor.find(name, number, label)
    signatures = SignatureDefMap()
    for key, definition in version.definitions.items():
        signatures.signature_def[key].CopyFrom(definition)
    response = GetModelMetadataResponse()
    response.model_spec.name = name
    response.model_spec.version.value = version.number
    response.metadata["signature_def"].Pack(signatures)
    return response, signatures
