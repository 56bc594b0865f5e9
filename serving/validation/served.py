"""What a trial needs of a server, and what can go wrong."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np

Tensors = Mapping[str, np.ndarray]


class Refused(Exception):
    """The server refused a request; the message is the server's."""


class ServerFailed(Exception):
    """The model did not load, or the server died or hangs. The message is a sentence without full stop."""


@dataclass(frozen=True)
class Patience:
    """How long to wait.

    Attributes
    ----------
    loading, answering : float
        For the model to load, and for the answer to a request [s].
    """

    loading: float = 300.0
    answering: float = 300.0


class Server(Protocol):
    """A server that has loaded one model.

    Attributes
    ----------
    kind : str
        ``python`` or ``tensorflow_model_server``.
    version : str
    load_seconds : float
    signatures : mapping of str to mapping
        Names of the ``inputs`` and ``outputs`` of each signature.
    """

    kind: str
    version: str
    load_seconds: float
    signatures: Mapping[str, Mapping[str, list[str]]]

    def __enter__(self) -> Self:
        """Return the server, which has loaded the model."""

    def __exit__(self, *_: object) -> None:
        """End the server."""

    def ask(self, signature: str, inputs: Tensors) -> tuple[Tensors, float]:
        """Return the answer and the time that it took [s]; raise `Refused` or `ServerFailed`."""

    def peak_memory(self) -> int | None:
        """Return the peak resident memory of the server [bytes], None if it is not known."""
