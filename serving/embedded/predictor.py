"""Answer requests, whichever interface they came by."""

import asyncio
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass

import grpc

from evaluation.formats.exported_model import MODEL_NAME
from serving.embedded.batching import Answers, Batcher
from serving.embedded.errors import ServingError, invalid
from serving.embedded.metrics import Metrics
from serving.embedded.signature import Arrays
from serving.embedded.version import LoadedVersion
from serving.embedded.watching import Versions

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Predictor:
    """The versions of the model and what computes their answers.

    Attributes
    ----------
    versions : Versions
    batcher : Batcher
    metrics : Metrics
    """

    versions: Versions
    batcher: Batcher
    metrics: Metrics

    def find(self, name: str, number: int | None = None, label: str = "") -> LoadedVersion:
        """Return the version that a request asks for; raise `ServingError` if it is not served."""
        if name != MODEL_NAME:
            raise ServingError(
                grpc.StatusCode.NOT_FOUND,
                f"Servable not found for request: Latest({name}); the model's name is {MODEL_NAME}",
            )
        return self.versions.find(number, label)

    async def predict(
        self,
        version: LoadedVersion,
        signature: str,
        arrays: Arrays,
        *,
        outputs: Sequence[str] = (),
        seconds: float | None = None,
    ) -> Answers:
        """Return the outputs of a signature, or those that are named.

        Parameters
        ----------
        version : LoadedVersion
        signature : str
            Empty for the default one.
        arrays : mapping of numpy.ndarray
        outputs : sequence of str
        seconds : float, optional
            Time until the deadline.

        Raises
        ------
        ServingError
        """
        chosen = version.signature(signature)
        unknown = [name for name in outputs if name not in chosen.outputs]
        if unknown:
            known = ", ".join(sorted(chosen.outputs))
            raise invalid(
                f"output tensor alias not found in signature: {unknown[0]}; {chosen.name} has {known}"
            )
        chosen.check(arrays)
        try:
            async with asyncio.timeout(seconds):
                answers = await self.batcher.run(version, chosen.name, arrays)
        except TimeoutError:
            raise ServingError(
                grpc.StatusCode.DEADLINE_EXCEEDED, f"no answer within {seconds:.3g} seconds"
            ) from None
        return {name: answers[name] for name in outputs} if outputs else answers


class Counted:
    """Context that counts a request and turns every exception in it into a `ServingError`.

    Parameters
    ----------
    metrics : Metrics
    api : str
        ``"REST"`` or ``"gRPC"``.
    """

    def __init__(self, metrics: Metrics, api: str) -> None:
        self._metrics, self._api = metrics, api

    def __enter__(self) -> "Counted":
        self._started = time.monotonic()
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: object) -> None:
        code = grpc.StatusCode.OK
        if isinstance(error, asyncio.CancelledError):
            code = grpc.StatusCode.CANCELLED
        elif isinstance(error, ServingError):
            code = error.code
        elif error is not None:
            code = grpc.StatusCode.INTERNAL
        self._metrics.request(self._api, code, time.monotonic() - self._started)
        if isinstance(error, Exception) and not isinstance(error, ServingError):
            _LOG.error("the server failed on a request; please report this", exc_info=error)
            cause = " ".join(f"{type(error).__name__}: {error}".split())[:300]
            message = f"the server failed on the request, please report this: {cause}"
            raise ServingError(code, message) from error
