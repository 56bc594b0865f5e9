"""TF Serving's own binary as the server of a trial."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

import grpc
import tensorflow as tf
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from serving.model_server import BINARY, BINARY_VARIABLE, free_ports
from serving.validation.process import server_environment
from serving.validation.served import Patience, Refused, ServerFailed, Tensors

NAME = "candidate"
_POLL = 0.2
_ENDING = 2.0  # seconds
_FAULTS = (
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.CANCELLED,
    grpc.StatusCode.UNIMPLEMENTED,
)
_UNLIMITED = [("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1)]


def find_binary() -> str | None:
    """Return the path of ``tensorflow_model_server``: `BINARY_VARIABLE`, or on the PATH; None without it.

    A path that is no program makes the trial fail; `serving.model_server.find_binary` refuses it.
    """
    return os.environ.get(BINARY_VARIABLE) or shutil.which(BINARY)


class ModelServer:
    """A ``tensorflow_model_server`` that serves one version over gRPC on this machine.

    Parameters
    ----------
    model : Path
        Folder of the SavedModel.
    patience : Patience

    Raises
    ------
    ServerFailed
        From ``with``: if the model is not available in time. Nothing is left running.
    """

    kind = BINARY

    def __init__(self, model: Path, patience: Patience) -> None:
        self._model, self._patience = model, patience
        self.version = ""
        self.load_seconds = 0.0
        self.signatures: Mapping[str, Mapping[str, list[str]]] = {}

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="galmorph-serving-")))
            (folder / "models").mkdir()
            (folder / "models/1").symlink_to(self._model.absolute())
            binary, port = find_binary() or BINARY, free_ports("127.0.0.1", 0, 0).grpc
            self._log = folder / "log"
            command = [binary, f"--port={port}", "--rest_api_port=0", f"--model_name={NAME}"]
            command += [f"--model_base_path={folder / 'models'}", "--max_num_load_retries=0"]
            started = time.monotonic()
            try:
                with open(self._log, "wb") as log:
                    self._process = subprocess.Popen(
                        command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=server_environment()
                    )
            except OSError as error:
                raise ServerFailed(f"{binary} does not start: {error.strerror}") from None
            stack.callback(self._end)
            channel = stack.enter_context(grpc.insecure_channel(f"127.0.0.1:{port}", _UNLIMITED))
            self._predict = prediction_service_pb2_grpc.PredictionServiceStub(channel)
            self._wait(model_service_pb2_grpc.ModelServiceStub(channel))
            self.load_seconds = time.monotonic() - started
            self.signatures = self._read_signatures()
            self.version = _version(binary)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def ask(self, signature: str, inputs: Tensors) -> tuple[Tensors, float]:
        """Return the answer and the time that it took [s]; raise `Refused` or `ServerFailed`."""
        request = predict_pb2.PredictRequest()
        request.model_spec.name, request.model_spec.signature_name = NAME, signature
        for name, value in inputs.items():
            request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
        started = time.perf_counter()
        answer = self._call(self._predict.Predict, request, f"answering {signature}")
        seconds = time.perf_counter() - started
        return {name: tf.make_ndarray(tensor) for name, tensor in answer.outputs.items()}, seconds

    def peak_memory(self) -> int | None:
        """Return the peak resident memory of the server [bytes], None if it is not known."""
        try:
            lines = Path(f"/proc/{self._process.pid}/status").read_text().splitlines()
        except OSError:
            return None
        found = [line.split()[1] for line in lines if line.startswith("VmHWM:")]
        return int(found[0]) * 1024 if found else None

    def _wait(self, stub: model_service_pb2_grpc.ModelServiceStub) -> None:
        request = get_model_status_pb2.GetModelStatusRequest()
        request.model_spec.name = NAME
        end = time.monotonic() + self._patience.loading
        while time.monotonic() < end:
            if self._process.poll() is not None:
                raise ServerFailed(f"the server ended while loading the model: {self._last_line()}")
            try:
                versions = stub.GetModelStatus(request, timeout=_POLL * 10).model_version_status
            except grpc.RpcError:
                versions = ()
            for version in versions:
                if version.state == version.AVAILABLE:
                    return
                if version.status.error_message:
                    message = " ".join(version.status.error_message.split())
                    raise ServerFailed(f"the model does not load: {message}")
            time.sleep(_POLL)
        raise ServerFailed(
            f"the server was still loading the model after {self._patience.loading:g} s ([serving] timeout)"
        )

    def _read_signatures(self) -> dict[str, dict[str, list[str]]]:
        request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
        request.model_spec.name = NAME
        answer = self._call(self._predict.GetModelMetadata, request, "telling its signatures")
        found = get_model_metadata_pb2.SignatureDefMap()
        answer.metadata["signature_def"].Unpack(found)
        return {
            name: {"inputs": sorted(definition.inputs), "outputs": sorted(definition.outputs)}
            for name, definition in found.signature_def.items()
        }

    def _call(self, method: Any, request: Any, doing: str) -> Any:
        try:
            return method(request, timeout=self._patience.answering)
        except grpc.RpcError as error:
            if error.code() not in _FAULTS:
                raise Refused(" ".join((error.details() or "").split())) from None
            if self._has_ended(0.0 if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED else _ENDING):
                raise ServerFailed(f"the server ended while {doing}: {self._last_line()}") from None
            if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
                seconds = f"{self._patience.answering:g} s ([serving] timeout)"
                raise ServerFailed(f"the server was still {doing} after {seconds}") from None
            raise ServerFailed(f"the server failed while {doing}: {error.details()}") from None

    def _has_ended(self, seconds: float) -> bool:
        """Return whether the server ends in time; its connection breaks before the process is gone."""
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def _last_line(self) -> str:
        lines = self._log.read_text(errors="replace").split("\n")
        return next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing")[:300]

    def _end(self) -> None:
        self._process.kill()
        self._process.wait()


def _version(binary: str) -> str:
    """Return the first line that ``--version`` prints."""
    try:
        said = subprocess.run([binary, "--version"], capture_output=True, text=True, timeout=60).stdout
    except (OSError, subprocess.TimeoutExpired):
        return "unknown version"
    return (said.strip().splitlines() or ["unknown version"])[0]
