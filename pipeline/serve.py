"""What `galmorph serve` does: choose a server, start it, and say how to use it."""

import contextlib
import logging
import os
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from pipeline.errors import InputError
from pipeline.plain_path import plain_path
from report.terminal import say
from serving import model_server
from serving.predict.quiet import without_native_messages
from serving.published import ModelError, PublishedModel, find_model, published_versions, read_version


@dataclass(frozen=True)
class ServeOptions:
    """Options of the verb, as `pipeline.commands.serve.serve` takes them."""

    model: Path
    rest_port: int
    grpc_port: int
    host: str
    embedded: bool
    stamps: str | None
    canary: bool
    poll: float
    image: str

    @property
    def needs_embedded(self) -> Sequence[str]:
        """Options that are given and that only the embedded server has."""
        given = {"--embedded": self.embedded, "--stamps": self.stamps, "--canary": self.canary}
        return [name for name, value in given.items() if value]


def serve_model(options: ServeOptions, console: Console) -> None:
    """Serve a model until Ctrl-C or SIGTERM.

    Parameters
    ----------
    options : ServeOptions
    console : Console

    Raises
    ------
    InputError
        If there is no model, a port cannot be opened, or the server cannot be started.
    """
    folder = options.model.absolute()
    for part in ("{name}", "{band}"):
        if options.stamps is not None and part not in options.stamps:
            raise InputError(f"--stamps {options.stamps} has no {part}")
    try:
        published = _newest_readable(folder)
        with plain_path(folder) as plain:
            _serve(options, plain, published, console)
    except (ModelError, model_server.ModelServerError) as error:
        raise InputError(str(error)) from error


def _newest_readable(folder: Path) -> PublishedModel:
    """Return the newest version whose description can be read: one that cannot does not stop the others."""
    try:
        return find_model(folder)
    except ModelError:
        for version in reversed(published_versions(folder)):
            with contextlib.suppress(ModelError):
                return read_version(folder / str(version))
        raise


def _serve(options: ServeOptions, folder: Path, published: PublishedModel, console: Console) -> None:
    if options.needs_embedded:
        console.print(f"embedded server, because of {', '.join(options.needs_embedded)}", highlight=False)
    elif (program := model_server.find_binary()) is not None:
        console.print(
            f"TF Serving: {program}. It listens on all addresses of this machine, whatever --host says.",
            highlight=False,
        )
        ports = model_server.free_ports(options.host, options.rest_port, options.grpc_port)
        with model_server.binary_command(program, folder, ports) as command:
            _supervise(command, ports, published, console)
        return
    elif model_server.docker_answers():
        console.print(f"TF Serving in Docker: {options.image}", highlight=False)
        ports = model_server.free_ports(options.host, options.rest_port, options.grpc_port)
        with model_server.docker_command(options.image, folder, ports) as command:
            _supervise(command, ports, published, console)
        return
    else:
        console.print(
            f"No {model_server.BINARY} is on the PATH and no Docker engine answers, so the embedded server is"
            " started. It is made for one machine; use TF Serving in production (docs/serving.md).",
            highlight=False,
        )
    _serve_embedded(options, folder, published, console)


def _supervise(
    command: list[str], ports: model_server.Ports, published: PublishedModel, console: Console
) -> None:
    def ready(version: int) -> None:
        _say_ready(console, published, version, ports.host, ports.rest, ports.grpc, page=False)

    model_server.supervise(command, ports, ready)
    console.print("stopped", highlight=False)


def _serve_embedded(options: ServeOptions, folder: Path, published: PublishedModel, console: Console) -> None:
    # Before TensorFlow is imported, which takes several seconds.
    model_server.free_ports(options.host, options.rest_port, options.grpc_port)
    # Its messages at the start say nothing to a user.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    with console.status("loading TensorFlow"), without_native_messages():
        import tensorflow as tf

        from serving.embedded.server import Ready, ServerError, ServerSettings, run_server

        # Where there is none, the search writes an error of CUDA.
        gpus = len(tf.config.list_physical_devices("GPU"))
    say(console, "device", f"{gpus} GPU" if gpus else "CPU")

    logging.basicConfig(level="WARNING", format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    logging.getLogger("serving").setLevel("INFO")
    settings = ServerSettings(
        folder,
        host=options.host,
        rest_port=options.rest_port,
        grpc_port=options.grpc_port,
        poll_interval=options.poll,
        canary=options.canary,
        stamps=None if options.stamps is None else os.path.abspath(options.stamps),
    )

    def ready(started: Ready) -> None:
        _say_ready(
            console,
            published,
            started.version,
            options.host,
            started.rest_port,
            started.grpc_port,
            page=True,
        )

    try:
        run_server(settings, ready)
    except ServerError as error:
        raise InputError(str(error)) from error
    console.print("stopped", highlight=False)


def _say_ready(
    console: Console,
    published: PublishedModel,
    version: int,
    host: str,
    rest_port: int,
    grpc_port: int,
    *,
    page: bool,
) -> None:
    shown = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    shown = f"[{shown}]" if ":" in shown else shown
    url = f"http://{shown}:{rest_port}"
    say(console, "ready", f"version {version}")
    if page:
        say(console, "page", f"{url}/", is_path=True)
    say(console, "REST", f"{url}/v1/models/galmorph", is_path=True)
    say(console, "gRPC", f"{shown}:{grpc_port}", is_path=True)
    say(console, "try", "with one FITS file for each band in this folder:")
    for line in curl_lines(url, published.bands):
        console.print(line, highlight=False, soft_wrap=True, markup=False)


def curl_lines(url: str, bands: Sequence[str]) -> list[str]:
    """Return a command for a POSIX shell that sends ``BAND.fits`` for each band.

    ``base64`` wraps its lines, which JSON does not allow; its option against this is not the same everywhere.
    """
    strings = ",".join('{"b64":"%s"}' for _ in bands)
    form = f'{{"signature_name":"classify_fits","instances":[[{strings}]]}}'
    files = " ".join(f"\"$(base64 < {shlex.quote(band + '.fits')} | tr -d '\\n')\"" for band in bands)
    return [
        f"printf '{form}' {files} |",
        f"  curl --silent --data-binary @- {url}/v1/models/galmorph:predict",
    ]
