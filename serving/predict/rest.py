"""Classify through the REST interface of TF Serving. Imports neither TensorFlow nor TFX."""

import base64
import http.client
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any

import requests
import urllib3

from serving.predict.address import Access, Address
from serving.predict.classifier import Answer, checked
from serving.predict.errors import (
    RefusedError,
    ServerError,
    TemporaryError,
    TooLargeError,
    VersionGoneError,
    one_line,
)
from serving.predict.examples import serialized_examples
from serving.predict.payload import Files, Payload
from serving.predict.refusals import refused_objects

_PASSING = {
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.BAD_GATEWAY,
    HTTPStatus.SERVICE_UNAVAILABLE,
    HTTPStatus.GATEWAY_TIMEOUT,
}
_LONGEST_ANSWER = 64 * 2**20
_CONNECT = 10.0  # [s]


class RestClassifier:
    """A model behind a REST interface.

    Parameters
    ----------
    address : Address
    access : Access
    connections : int
        Number of threads that will use it.
    """

    def __init__(self, address: Address, access: Access, connections: int = 1) -> None:
        self._address, self._access = address, access
        self._model = f"{address.base}/v1/models/{address.name}"
        self._session = requests.Session()
        adapter = requests.adapters.HTTPAdapter(pool_maxsize=connections)
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, adapter)
        self.version = "" if address.version is None else str(address.version)

    def versions(self) -> list[int]:
        """Return the versions that can be used, in ascending order.

        Raises
        ------
        ServerError
            If the server does not have the model, cannot be reached, or does not answer as TF Serving does.
        """
        status, content = self._request("GET", self._model)
        if status == HTTPStatus.NOT_FOUND:
            raise ServerError(f"{self._address} has no model {self._address.name!r}{_said(content)}")
        if status != HTTPStatus.OK:
            raise self._failure(status, content)
        try:
            return sorted(
                int(entry["version"])
                for entry in self._parsed(content)["model_version_status"]
                if entry["state"] == "AVAILABLE"
            )
        except (KeyError, TypeError, ValueError, AttributeError):
            raise ServerError(f"{self._model} does not answer as TF Serving does: no status") from None

    def description(self) -> Mapping[str, Any] | None:
        """Return the model's ``galmorph.json``; None if the server does not give it."""
        status, content = self._request("GET", f"{self._pinned}/galmorph.json")
        if status != HTTPStatus.OK:
            status, content = self._request("GET", f"{self._model}/galmorph.json")
        try:
            found = json.loads(content) if status == HTTPStatus.OK else None
        except ValueError:
            return None
        return found if isinstance(found, dict) and "bands" in found else None

    def classify(self, payload: Payload) -> Answer:
        """Classify objects, in one request."""
        body = _body(payload)
        status, content = self._request("POST", f"{self._pinned}:predict", body)
        if status == HTTPStatus.NOT_FOUND:
            raise VersionGoneError(
                f"{self._address} no longer has version {self.version} of {self._address.name}"
                f"{_said(content)}"
            )
        if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            raise TooLargeError(f"{self._address} refuses {len(body):,} bytes in a request (HTTP 413)")
        if status == HTTPStatus.BAD_REQUEST:
            said = _error(content)
            message = f"{self._address} refuses the request: {one_line(said) or 'HTTP 400'}"
            raise RefusedError(message, refused_objects(said))
        if status != HTTPStatus.OK:
            raise self._failure(status, content)
        outputs = self._parsed(content).get("outputs")
        if not isinstance(outputs, dict):
            raise ServerError(f"{self._address} does not answer as TF Serving does: no outputs")
        return checked(outputs, len(payload), self.version, str(self._address))

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    @property
    def _pinned(self) -> str:
        return f"{self._model}/versions/{self.version}" if self.version else self._model

    def _request(self, method: str, url: str, body: bytes | None = None) -> tuple[int, bytes]:
        """Return status and content; raise `ServerError` if there is no answer."""
        certificate = self._access.ca_certificate
        deadline = time.monotonic() + self._access.deadline
        try:
            with self._session.request(
                method,
                url,
                data=body,
                headers={"Content-Type": "application/json"} if body else {},
                auth=self._authorize,
                timeout=(min(_CONNECT, self._access.deadline), self._access.deadline),
                # In each request: in the session, REQUESTS_CA_BUNDLE would win (requests issue 3829).
                verify=str(certificate) if certificate else True,
                allow_redirects=False,
                stream=True,
            ) as response:
                content = b"".join(self._pieces(response, deadline))
                if response.status_code in _PASSING:
                    raise TemporaryError(
                        self._failure(response.status_code, content).args[0],
                        _seconds(response.headers.get("Retry-After")),
                    )
                if response.is_redirect:
                    place = response.headers.get("Location", "")
                    raise ServerError(f"{self._address} sends elsewhere, to {one_line(place)}; use that URL")
                return response.status_code, content
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            raise self._unanswered(error) from error

    def _pieces(self, response: requests.Response, deadline: float) -> Iterator[bytes]:
        """Yield the content; the time limit of requests is one for each piece only."""
        size = 0
        for piece in response.iter_content(2**16):
            size += len(piece)
            if size > _LONGEST_ANSWER:
                raise ServerError(f"{self._address} answers nonsense: more than {_LONGEST_ANSWER:,} bytes")
            if time.monotonic() > deadline:
                raise requests.ReadTimeout("slow")
            yield piece

    def _authorize(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Set the token; a function, because otherwise requests takes a password from ~/.netrc."""
        if self._access.token:
            request.headers["Authorization"] = f"Bearer {self._access.token}"
        return request

    def _unanswered(self, error: Exception) -> ServerError:
        causes = list(_causes(error))
        where = str(self._address)
        if any(isinstance(cause, requests.exceptions.SSLError) for cause in causes):
            reason = one_line(
                next((c for c in causes if type(c).__name__ == "SSLCertVerificationError"), error)
            )
            if "WRONG_VERSION_NUMBER" in reason or "record layer failure" in reason:
                return ServerError(f"{where} does not speak TLS; is it http://?")
            hint = "" if self._access.ca_certificate else " (--ca-certificate names the authority)"
            return ServerError(f"{where}: the TLS connection failed: {reason}{hint}")
        if any(isinstance(cause, http.client.BadStatusLine) for cause in causes) and not any(
            isinstance(cause, http.client.RemoteDisconnected) for cause in causes
        ):
            return ServerError(
                f"{where} does not speak HTTP; is it the gRPC port (grpc://{self._address.host})?"
            )
        if isinstance(error, requests.Timeout):
            return TemporaryError(f"{where} did not answer within {self._access.deadline:g} s")
        if isinstance(error, requests.exceptions.InvalidURL | requests.exceptions.InvalidSchema):
            return ServerError(f"{where} is not a valid URL: {one_line(error)}")
        inner = next((c for c in reversed(causes) if isinstance(c, OSError) and c.strerror), causes[-1])
        reason = getattr(inner, "strerror", None) or one_line(inner, 120) or type(inner).__name__
        return TemporaryError(f"{where} does not answer: {reason}")

    def _failure(self, status: int, content: bytes) -> ServerError:
        phrase = HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else ""
        said = one_line(f"HTTP {status} {phrase}")
        if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            hint = "the token is not accepted" if self._access.token else "a token is needed"
            return ServerError(f"{self._address} refuses access ({said}): {hint}")
        return ServerError(f"{self._address} answers {said}{_said(content)}")

    def _parsed(self, content: bytes) -> dict[str, Any]:
        try:
            parsed = json.loads(content)
        except ValueError:
            what = "a web page" if b"<html" in content[:1000].lower() else one_line(repr(content[:40]))
            raise ServerError(
                f"{self._address} does not answer as TF Serving does: {what} instead of JSON"
            ) from None
        if not isinstance(parsed, dict):
            raise ServerError(f"{self._address} does not answer as TF Serving does: no JSON object")
        return parsed


def _body(payload: Payload) -> bytes:
    """Return the JSON of a request, put together as bytes: a text of it would take twice the memory."""
    if isinstance(payload, Files):
        rows = (b"[" + b",".join(map(_base64, contents)) + b"]" for contents in payload.contents)
        return b'{"signature_name":"classify_fits","inputs":{"fits":[' + b",".join(rows) + b"]}}"
    # Not classify_flux: Examples hold the numbers as they are, JSON would hold them as text.
    examples = map(_base64, serialized_examples(payload.values, payload.bands))
    return b'{"signature_name":"serving_default","inputs":{"examples":[' + b",".join(examples) + b"]}}"


def _base64(content: bytes) -> bytes:
    return b'{"b64":"' + base64.b64encode(content) + b'"}'


def _error(content: bytes) -> str:
    """Return the server's message; empty if there is none."""
    try:
        parsed = json.loads(content)
    except ValueError:
        return ""
    return str(parsed.get("error", "")) if isinstance(parsed, dict) else ""


def _said(content: bytes) -> str:
    said = one_line(_error(content))
    return f": {said}" if said else ""


def _seconds(retry_after: str | None) -> float:
    text = (retry_after or "").strip()
    return float(text) if text.isascii() and text.isdigit() else 0.0


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an exception, and those that caused it, also inside of urllib3's."""
    while error is not None:
        yield error
        inner: Sequence[Any] = (getattr(error, "reason", None), *error.args)
        error = next((c for c in inner if isinstance(c, BaseException)), error.__cause__ or error.__context__)
