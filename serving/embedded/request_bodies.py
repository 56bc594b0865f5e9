"""Read the bodies of HTTP requests within limits."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc
from starlette.requests import ClientDisconnect, Request

from serving.embedded.errors import ServingError

BODY_LIMIT = 64 * 2**20
"""Bytes of a request, in both interfaces."""

_ALL_BODIES = 8 * BODY_LIMIT
_DRAINED = 8 * BODY_LIMIT
_LONGEST_UPLOAD = 300.0  # seconds


class Bodies:
    """Bodies that are in memory; together they are limited too."""

    def __init__(self) -> None:
        self._bytes = 0

    @asynccontextmanager
    async def read(self, request: Request) -> AsyncIterator[bytes]:
        """Yield the body of a request, which counts against the limit until the context ends.

        Raises
        ------
        ServingError
            If it is too large (HTTP 413), others take up the memory (429), or it does not arrive (408).
        """
        held = [0]
        try:
            yield await self._received(request, held)
        finally:
            self._bytes -= held[0]

    async def _received(self, request: Request, held: list[int]) -> bytes:
        if "expect" in request.headers and int(request.headers.get("content-length", 0)) > BODY_LIMIT:
            raise _too_large()  # the client waits for a word before it sends
        parts: list[bytes] = []
        try:
            async with asyncio.timeout(_LONGEST_UPLOAD):
                async for part in request.stream():
                    if held[0] + len(part) > BODY_LIMIT:
                        parts.clear()
                        await _drain(request)
                        raise _too_large()
                    if self._bytes + len(part) > _ALL_BODIES:
                        raise ServingError(
                            grpc.StatusCode.RESOURCE_EXHAUSTED,
                            f"requests of {self._bytes / 2**20:.0f} MiB are in memory; try again later",
                        )
                    held[0] += len(part)
                    self._bytes += len(part)
                    parts.append(part)
        except TimeoutError:
            raise ServingError(
                grpc.StatusCode.DEADLINE_EXCEEDED,
                f"the request did not arrive within {_LONGEST_UPLOAD:g} seconds",
                http_status=408,
            ) from None
        except ClientDisconnect:
            raise ServingError(grpc.StatusCode.CANCELLED, "the client has gone") from None
        return b"".join(parts)


def _too_large() -> ServingError:
    return ServingError(
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        f"the request is larger than {BODY_LIMIT // 2**20} MiB; send fewer objects in one request",
        http_status=413,
    )


async def _drain(request: Request) -> None:
    """Read the rest of a body that is too large: many clients read the answer only when all is sent."""
    left = _DRAINED
    async for part in request.stream():
        left -= len(part)
        if left < 0:
            return
