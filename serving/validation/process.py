"""A Python process with TensorFlow alone as the server of a trial."""

import importlib.util
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from multiprocessing.connection import Pipe
from pathlib import Path
from typing import Any, Self

from preprocessing.safe_python import safe_environment
from serving.validation.served import Patience, Refused, ServerFailed, Tensors

CHILD = "serving.validation.child"
"""Run as a file, so that galmorph is not on its module search path."""


class ProcessServer:
    """A child process that loads a model into a session, as TF Serving does (`serving.validation.child`).

    Parameters
    ----------
    model : Path
        Folder of the SavedModel.
    patience : Patience

    Raises
    ------
    ServerFailed
        From ``with``: if the model does not load in time. Nothing is left running.

    Notes
    -----
    GPUs are hidden from the process: the one that starts it may hold all of their memory.
    """

    kind = "python"

    def __init__(self, model: Path, patience: Patience) -> None:
        self._model, self._patience = model, patience
        self.version = ""
        self.load_seconds = 0.0
        self.signatures: Mapping[str, Mapping[str, list[str]]] = {}

    def __enter__(self) -> Self:
        specification = importlib.util.find_spec(CHILD)
        assert specification is not None and specification.origin is not None
        self._connection, theirs = Pipe()
        command = [sys.executable, "-P", specification.origin, str(self._model), str(theirs.fileno())]
        self._process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, pass_fds=[theirs.fileno()], env=server_environment()
        )
        theirs.close()
        try:
            kind, about = self._receive(self._patience.loading, "loading the model")
            if kind == "failed":
                raise ServerFailed(f"the model does not load: {about}")
        except BaseException:
            self.__exit__()
            raise
        self.version, self.load_seconds = about["version"], about["seconds"]
        self.signatures = about["signatures"]
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()
        self._process.kill()
        self._process.wait()

    @property
    def pid(self) -> int:
        """Number of the process."""
        return self._process.pid

    def ask(self, signature: str, inputs: Tensors) -> tuple[Tensors, float]:
        """Return the answer and the time that it took [s]; raise `Refused` or `ServerFailed`."""
        doing = f"answering {signature}"
        self._send((signature, dict(inputs)), doing)
        kind, *rest = self._receive(self._patience.answering, doing)
        if kind == "refused":
            raise Refused(rest[0])
        answer, seconds = rest
        return answer, seconds

    def peak_memory(self) -> int | None:
        """Return the peak resident memory of the process [bytes], None if it is not known."""
        self._send(None, "telling its memory")
        return self._receive(self._patience.answering, "telling its memory")

    def _send(self, message: Any, doing: str) -> None:
        try:
            self._connection.send(message)
        except OSError:
            raise ServerFailed(self._ending(doing)) from None

    def _receive(self, seconds: float, doing: str) -> Any:
        try:
            if not self._connection.poll(seconds):
                raise ServerFailed(f"the server was still {doing} after {seconds:g} s ([serving] timeout)")
            return self._connection.recv()
        except (EOFError, OSError):
            raise ServerFailed(self._ending(doing)) from None

    def _ending(self, doing: str) -> str:
        try:
            status = self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            return f"the server closed its connection while {doing}"
        cause = f"status {status}" if status >= 0 else signal.Signals(-status).name
        return f"the server ended with {cause} while {doing}"


def server_environment() -> dict[str, str]:
    """Return the environment of a server that is tried: no GPU, and no import from the working folder."""
    return {
        **safe_environment(),
        "CUDA_VISIBLE_DEVICES": "-1",
        "TF_CPP_MIN_LOG_LEVEL": os.environ.get("TF_CPP_MIN_LOG_LEVEL", "2"),
    }
