"""Refusals: a gRPC status code, the HTTP status that TF Serving answers for it, and a sentence."""

import re

import grpc
import tensorflow as tf

LONGEST_MESSAGE = 2000
"""Characters of a message. gRPC sends it in a header, and clients refuse headers above 8 kB."""

_HTTP_STATUS = {
    grpc.StatusCode.CANCELLED: 499,
    grpc.StatusCode.INVALID_ARGUMENT: 400,
    grpc.StatusCode.DEADLINE_EXCEEDED: 504,
    grpc.StatusCode.NOT_FOUND: 404,
    grpc.StatusCode.RESOURCE_EXHAUSTED: 429,
    grpc.StatusCode.FAILED_PRECONDITION: 400,
    grpc.StatusCode.OUT_OF_RANGE: 400,
    grpc.StatusCode.UNIMPLEMENTED: 501,
    grpc.StatusCode.UNAVAILABLE: 503,
}
_CODES = {code.value[0]: code for code in grpc.StatusCode}
_PREAMBLE = re.compile(r"Graph execution error:.*?<stack traces unavailable>\n", re.DOTALL)
_NODES = re.compile(r"\s*\[\[.*?\]\]|\s*\[Op:[^\]]*\]", re.DOTALL)
_CONDITION = re.compile(r"\] \[Condition .*", re.DOTALL)
_ASSERTION = "assertion failed: ["


class ServingError(Exception):
    """A request is refused.

    Parameters
    ----------
    code : grpc.StatusCode
    message : str
    http_status : int, optional
        By default the status that TF Serving answers for the code.
    """

    def __init__(self, code: grpc.StatusCode, message: str, http_status: int | None = None) -> None:
        message = message.encode("utf-8", "backslashreplace").decode()  # JSON can name what UTF-8 cannot
        if len(message) > LONGEST_MESSAGE:
            message = f"{message[: LONGEST_MESSAGE - 4]} ..."
        super().__init__(message)
        self.code = code
        self.message = message
        self.http_status = http_status or _HTTP_STATUS.get(code, 500)


def invalid(message: str) -> ServingError:
    """Return the refusal of a request that is wrong in itself."""
    return ServingError(grpc.StatusCode.INVALID_ARGUMENT, message)


def from_tensorflow(error: tf.errors.OpError) -> ServingError:
    """Return what a failed graph says, without the names of its nodes."""
    text = _NODES.sub("", _PREAMBLE.sub("", error.message)).strip()
    if text.startswith(_ASSERTION):
        text = _CONDITION.sub("]", text.removeprefix(_ASSERTION)).removesuffix("]")
    return ServingError(_CODES.get(error.error_code, grpc.StatusCode.INTERNAL), text)
