"""Start and stop the embedded server."""

import asyncio
import contextlib
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import grpc
import uvicorn

from serving.embedded.batching import Batcher, BatchingSettings
from serving.embedded.grpc_services import add_services
from serving.embedded.metrics import Metrics
from serving.embedded.page.routes import page_routes
from serving.embedded.predictor import Predictor
from serving.embedded.request_bodies import BODY_LIMIT
from serving.embedded.rest import rest_app
from serving.embedded.watching import Versions

_MOST_CALLS = 512  # gRPC requests at a time; more are RESOURCE_EXHAUSTED
_LAST_REQUESTS = 30.0  # seconds that requests have to end after the server was told to stop
_SWITCH_INTERVAL = 5e-4
"""Seconds that a thread may hold the interpreter while others wait. A request needs it several times, and a
version that is being loaded would hold it for Python's 5 ms each time."""


class ServerError(ValueError):
    """The server cannot be started; the message is one line."""


@dataclass(frozen=True)
class ServerSettings:
    """How a model is served.

    Attributes
    ----------
    folder : Path
        Folder of the versions, or of one version; its path holds no wildcard characters.
    host : str
    rest_port, grpc_port : int
        0 for any free port.
    poll_interval : float
        Seconds between two looks at the folder.
    canary : bool
        Whether the two newest versions are served, as ``canary`` and ``stable``.
    stamps : str, optional
        Path template of a survey whose names can be typed on the page.
    batching : BatchingSettings
    """

    folder: Path
    host: str = "127.0.0.1"
    rest_port: int = 8501
    grpc_port: int = 8500
    poll_interval: float = 2.0
    canary: bool = False
    stamps: str | None = None
    batching: BatchingSettings = field(default_factory=BatchingSettings)


@dataclass(frozen=True)
class Ready:
    """What a server that has started says.

    Attributes
    ----------
    version : int
        Version that is served.
    rest_port, grpc_port : int
    """

    version: int
    rest_port: int
    grpc_port: int


def run_server(settings: ServerSettings, ready: Callable[[Ready], None]) -> None:
    """Serve until SIGINT or SIGTERM; requests that are being answered are ended.

    Parameters
    ----------
    settings : ServerSettings
    ready : callable
        Called when the server answers.

    Raises
    ------
    ModelError
        If no version can be loaded.
    ServerError
        If a port cannot be opened.
    """
    sys.setswitchinterval(_SWITCH_INTERVAL)
    # Before the model is loaded, which takes longer.
    with _listening(settings.host, settings.rest_port) as listener:
        versions = Versions(settings.folder, served=2 if settings.canary else 1)
        try:
            asyncio.run(_serve(settings, versions, listener, ready))
        finally:
            versions.close()


async def _serve(
    settings: ServerSettings, versions: Versions, listener: socket.socket, ready: Callable[[Ready], None]
) -> None:
    metrics = Metrics()
    batcher = Batcher(settings.batching, metrics)
    predictor = Predictor(versions, batcher, metrics)
    rpc, grpc_port = _grpc_server(settings, predictor)
    web = _Web(
        uvicorn.Config(
            rest_app(predictor, page_routes(predictor, settings.stamps)),
            log_level="warning",
            access_log=False,
            lifespan="off",
            timeout_graceful_shutdown=int(_LAST_REQUESTS),
        )
    )
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await rpc.start()
    serving = asyncio.create_task(web.serve(sockets=[listener]))
    versions.watch(settings.poll_interval)
    ready(Ready(versions.newest.number, listener.getsockname()[1], grpc_port))
    await asyncio.wait({asyncio.create_task(stop.wait()), serving}, return_when=asyncio.FIRST_COMPLETED)
    web.should_exit = True
    await asyncio.gather(rpc.stop(_LAST_REQUESTS), serving)
    await batcher.close()


class _Web(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield  # `_serve` handles them, for both interfaces


@contextlib.contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise ServerError(f"--host {host}: {error.strerror}") from error
    with listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(address)
            listener.listen(128)
        except OSError as error:
            raise ServerError(f"--rest-port {port} of {host} cannot be opened: {error.strerror}") from error
        yield listener


def _grpc_server(settings: ServerSettings, predictor: Predictor) -> tuple[grpc.aio.Server, int]:
    options = [
        ("grpc.max_receive_message_length", BODY_LIMIT),
        ("grpc.max_send_message_length", -1),
        # Otherwise a second server could open the port of the first.
        ("grpc.so_reuseport", 0),
    ]
    # Each may hold a message of the largest size.
    server = grpc.aio.server(options=options, maximum_concurrent_rpcs=_MOST_CALLS)
    add_services(server, predictor)
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    try:
        port = server.add_insecure_port(f"{host}:{settings.grpc_port}")
    except RuntimeError as error:
        text = (
            f"--grpc-port {settings.grpc_port} of {settings.host} cannot be opened: it is in use or reserved"
        )
        raise ServerError(text) from error
    return server, port
