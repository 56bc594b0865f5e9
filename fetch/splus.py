"""Stamps of S-PLUS, through the package `splusdata` of the survey."""

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from threading import Event, Lock
from typing import Any

from fetch.errors import Cause, DownloadError, FetchError, TransientError
from fetch.retry import Patience, status_error, with_retries
from fetch.targets import Target

SERVER = "https://splus.cloud"
USERNAME, PASSWORD = "SPLUS_USERNAME", "SPLUS_PASSWORD"


def credentials(environment: Mapping[str, str] | None = None) -> tuple[str, str]:
    """Return user name and password from the environment.

    Parameters
    ----------
    environment : mapping, optional

    Returns
    -------
    (str, str)

    Raises
    ------
    FetchError
        If one is not set.
    """
    environment = os.environ if environment is None else environment
    values = tuple(environment.get(name, "").strip() for name in (USERNAME, PASSWORD))
    if not all(values):
        missing = " and ".join(
            name for name, value in zip((USERNAME, PASSWORD), values, strict=True) if not value
        )
        raise FetchError(
            f"S-PLUS requires an account ({SERVER}): set {missing} in the environment, "
            "or use another service with --url-template"
        )
    return values[0], values[1]


class SplusSource:
    """The cutout service of S-PLUS.

    Parameters
    ----------
    size : int
        Side of a stamp [pixels] of 0.55 arcsec.
    data_release : str
        Data release, as part of the name of a collection in `splusdata`: ``"dr4"``.
    max_bytes : int
        Larger files are refused. `splusdata` loads a whole file into memory before its size is known.
    patience : Patience
    environment : mapping, optional
        Environment with user name and password; by default that of the process.
    server : str, optional

    Raises
    ------
    FetchError
        If credentials are missing or wrong, or the server or the data release is not available.
    """

    host = SERVER.removeprefix("https://")

    def __init__(
        self,
        *,
        size: int,
        data_release: str,
        max_bytes: int,
        patience: Patience,
        environment: Mapping[str, str] | None = None,
        server: str = SERVER,
    ) -> None:
        self._username, self._password = credentials(environment)
        self._size, self._max_bytes, self._patience = size, max_bytes, patience
        self._renewal = Lock()
        try:
            import splusdata
        except ImportError as error:
            raise FetchError("the package splusdata is not installed: pip install splusdata") from error
        try:
            self._core = splusdata.Core(self._username, self._password, SERVER_IP=server)
            collection = self._core.get_collection_id_by_pattern(data_release)
        except splusdata.core.SplusdataError:
            names = ", ".join(sorted(str(known["name"]) for known in self._core.collections))
            raise FetchError(f"S-PLUS has no data release {data_release!r}; it has {names}") from None
        except Exception as error:  # of adss, requests or httpx: nothing has been fetched yet
            raise FetchError(f"S-PLUS: {self._explained(error).message}") from None
        # Core.stamp would request the list of collections again for every stamp.
        self._collection = collection["id"]

    def fetch(self, target: Target, band: str, part: Path, stop: Event) -> int:
        """Download one stamp; see `fetch.one_stamp.StampSource`."""
        content, attempts = with_retries(lambda: self._stamp(target, band), self._patience, stop)
        part.write_bytes(content)
        return attempts

    def _stamp(self, target: Target, band: str) -> bytes:
        token = self._core.client.auth.token
        try:
            content = self._core.client.create_stamp_by_coordinates(
                collection_id=self._collection,
                ra=target.ra,
                dec=target.dec,
                size=self._size,
                filter=band,
                size_unit="pixels",
                timeout=self._patience.read_timeout,
            )
        except Exception as error:  # adss turns every error into a ResourceNotFoundError
            explained = self._explained(error)
            if explained.cause is Cause.REFUSED and self._renewed(token):
                raise TransientError(explained.message, Cause.REFUSED) from None
            raise explained from None
        if len(content) > self._max_bytes:
            raise DownloadError(f"larger than the limit of {self._max_bytes:,} bytes")
        return content

    def _renewed(self, token: str | None) -> bool:
        """Log in again, unless another thread has done so; a token is valid for some hours only."""
        with self._renewal:
            if self._core.client.auth.token != token:
                return True
            try:
                self._core.client.login(self._username, self._password)
            except Exception:
                return False
            return self._core.client.auth.token != token

    def _explained(self, error: BaseException) -> DownloadError:
        """Return the error for an exception of `splusdata`, without any secrets in its message."""
        chain = list(_chain(error))
        for link in chain:
            response: Any = getattr(link, "response", None)
            status = getattr(response, "status_code", None)
            if isinstance(status, int):
                retry_after = response.headers.get("Retry-After")
                return status_error(status, retry_after, self._patience, self._safe(_detail(response)))
        import httpx
        import requests

        detail = self._safe(str(chain[-1])) or type(chain[-1]).__name__
        if any(isinstance(link, httpx.ReadTimeout | httpx.RemoteProtocolError) for link in chain):
            return TransientError(f"the connection broke: {detail}")
        if any(isinstance(link, httpx.TransportError | requests.RequestException) for link in chain):
            return TransientError(f"the server cannot be reached: {detail}", Cause.UNREACHABLE)
        return DownloadError(detail)

    def _safe(self, text: str) -> str:
        for secret in (self._password, self._token()):
            if secret:
                text = text.replace(secret, "***")
        text = re.sub(rf"(?<!\w){re.escape(self._username)}(?!\w)", "***", text)
        return " ".join(text.split())[:200]

    def _token(self) -> str | None:
        core = getattr(self, "_core", None)
        return core.client.auth.token if core is not None else None


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _detail(response: Any) -> str:
    """Return the message of the server, which is the ``detail`` of its JSON."""
    try:
        return str(response.json()["detail"])
    except Exception:  # no JSON, unexpected JSON, or no body
        return ""
