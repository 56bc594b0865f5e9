"""Addresses of servers, and what is needed to connect to them."""

import os
import re
import ssl
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from evaluation.formats.exported_model import MODEL_NAME
from serving.predict.errors import PredictError

TOKEN_VARIABLE = "GALMORPH_TOKEN"
"""Environment variable of the bearer token."""

_GRPC_PORT = 8500
_SCHEMES = ("http", "https", "grpc", "grpcs")
_PATH = re.compile(
    r"(?P<prefix>.*?)(/v1/models/(?P<name>[^/:]+)(/versions/(?P<version>\d+))?(:\w+)?)?/?", re.DOTALL
)
_BARE = re.compile(r"(?P<host>[\w.-]+|\[[0-9a-fA-F:.]+\]):(?P<port>\d{1,5})(/.*)?")


@dataclass(frozen=True)
class Address:
    """The address of a model on a server.

    Attributes
    ----------
    scheme : str
        ``http``, ``https``, ``grpc`` or ``grpcs``.
    host : str
        Host and port, as a URL has them.
    prefix : str
        Path before ``/v1/models``; REST only.
    name : str
        Name of the model.
    version : int or None
        Version to use; the newest if None.
    """

    scheme: str
    host: str
    prefix: str
    name: str
    version: int | None

    @property
    def is_grpc(self) -> bool:
        """Whether it is one of gRPC, otherwise of REST."""
        return self.scheme in ("grpc", "grpcs")

    @property
    def is_encrypted(self) -> bool:
        """Whether the connection uses TLS."""
        return self.scheme in ("https", "grpcs")

    @property
    def is_local(self) -> bool:
        """Whether the server is on this machine."""
        return urlsplit(f"//{self.host}").hostname in ("localhost", "127.0.0.1", "::1")

    @property
    def base(self) -> str:
        """The server's URL, without the model."""
        return f"{self.scheme}://{self.host}{self.prefix}"

    def __str__(self) -> str:
        return self.base


@dataclass(frozen=True)
class Access:
    """How to connect.

    Attributes
    ----------
    deadline : float
        Longest time for a request [s].
    ca_certificate : Path or None
        Certificates of trusted authorities (PEM), instead of the system's.
    token : str
        Bearer token; empty if there is none. Never shown.
    """

    deadline: float = 60.0
    ca_certificate: Path | None = None
    token: str = ""

    def __repr__(self) -> str:
        shown = "set" if self.token else "none"
        return f"Access(deadline={self.deadline}, ca_certificate={self.ca_certificate}, token={shown})"


def parse_address(text: str) -> Address | None:
    """Return the address in a text; None if it is no URL, but a path.

    Parameters
    ----------
    text : str
        ``http(s)://host:8501[/v1/models/NAME[/versions/N]]``, ``grpc(s)://host:8500[/...]``, or a path.

    Raises
    ------
    PredictError
        If it is a URL of another kind, or ``host:port`` without a scheme.
    """
    scheme, mark, _ = text.partition("://")
    if not mark:
        bare = _BARE.fullmatch(text)
        if bare and not os.path.exists(text):
            raise PredictError(
                f"{text}: is this a server? Write http://{text} for its REST port (usually 8501), or"
                f" grpc://{text} for its gRPC port (usually {_GRPC_PORT})"
            )
        return None
    scheme = scheme.lower()
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise PredictError(f"{text!r} is not a URL: its host or port is invalid") from None
    if parts.username is not None or parts.password is not None:
        raise PredictError(
            f"the URL must not contain a password; put a bearer token into {TOKEN_VARIABLE} or a file"
        )
    if scheme not in _SCHEMES:
        raise PredictError(f"{text!r} is not a URL of a server: it begins with none of {_schemes()}")
    if not parts.hostname:
        raise PredictError(f"{text!r} names no host")
    if parts.query or parts.fragment:
        mark = "?" if parts.query else "#"
        raise PredictError(f"{text.partition(mark)[0]}: remove {mark} and what follows it from the URL")
    path = _PATH.fullmatch(parts.path)
    assert path is not None  # everything in it is optional
    prefix, name, version = path["prefix"].rstrip("/"), path["name"], path["version"]
    if prefix and (scheme in ("grpc", "grpcs") or "/v1" in prefix):
        example = f"{scheme}://{parts.netloc}/v1/models/{MODEL_NAME}"
        raise PredictError(f"{text!r} is not the URL of a model; that of {MODEL_NAME} is {example}")
    host = parts.netloc
    if scheme in ("grpc", "grpcs") and port is None:
        host = f"{host.rstrip(':')}:{_GRPC_PORT}"
    return Address(scheme, host, prefix, name or MODEL_NAME, int(version) if version else None)


def read_token(file: Path | None) -> str:
    """Return the bearer token from a file or else from the environment; empty if there is none.

    Raises
    ------
    PredictError
        If the file cannot be read, or the token is empty or has characters that no token has.
    """
    if file is not None:
        try:
            text, source = file.read_text(encoding="utf-8"), f"--token-file {file}"
        except OSError as error:
            raise PredictError(f"--token-file {file} cannot be read: {error.strerror or error}") from None
        except UnicodeDecodeError:
            raise PredictError(f"--token-file {file} holds no text") from None
    elif TOKEN_VARIABLE in os.environ:
        text, source = os.environ[TOKEN_VARIABLE], f"the environment variable {TOKEN_VARIABLE}"
    else:
        return ""
    token = text.strip()
    if not token:
        raise PredictError(f"{source} is empty")
    if not re.fullmatch(r"[\x21-\x7e]+", token):
        raise PredictError(f"{source} holds more than one token, or characters that a token cannot have")
    return token


def check_certificate(file: Path | None) -> None:
    """Raise `PredictError` if a file of certificates cannot be used."""
    if file is None:
        return
    try:
        ssl.create_default_context(cafile=str(file))
    except ssl.SSLError:
        raise PredictError(f"--ca-certificate {file} holds no certificate in PEM format") from None
    except OSError as error:
        raise PredictError(f"--ca-certificate {file} cannot be read: {error.strerror or error}") from None


def _schemes() -> str:
    return ", ".join(f"{scheme}://" for scheme in _SCHEMES)
