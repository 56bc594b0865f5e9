"""What the exceptions of object stores mean: absent, unavailable for the moment, or not readable at all."""

import os
from collections.abc import Iterator

from preprocessing.locations import Remote, without_secrets


class StorageError(Exception):
    """A store that cannot be read; the message is one sentence that names the object and the reason."""


class TransientError(StorageError):
    """A store that cannot be read for the moment."""


class ObjectUnavailable(Exception):
    """One object that exists, but cannot be read; the message is the reason."""


_EXPIRED = {"ExpiredToken", "TokenRefreshRequired", "RequestExpired", "ExpiredTokenException"}
_REFUSED_KEY = {
    *("InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken", "InvalidSecurity"),
    *("InvalidClientTokenId", "AuthFailure", "UnrecognizedClientException", "CredentialsNotSupported"),
}
_REGION = {"PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException", "301"}
_BUSY = {
    *("SlowDown", "SlowDownRead", "Throttling", "ThrottlingException", "RequestLimitExceeded"),
    *("InternalError", "ServiceUnavailable", "RequestTimeout", "RequestTimeoutException", "OperationAborted"),
    *("TooManyRequests", "408", "429", "500", "502", "503", "504"),
}
# By name: the libraries of the stores are imported only where a URI is read.
_NO_CREDENTIALS = {
    *("NoCredentialsError", "PartialCredentialsError", "CredentialRetrievalError", "ProfileNotFound"),
    *("UnauthorizedSSOTokenError", "SSOTokenLoadError", "TokenRetrievalError", "NoAuthTokenError"),
    *("DefaultCredentialsError", "RefreshError", "MetadataRetrievalError"),
}
_BROKEN = {
    *("EndpointConnectionError", "ConnectTimeoutError", "ReadTimeoutError", "ConnectionClosedError"),
    *("HTTPClientError", "IncompleteRead", "IncompleteReadError", "ResponseStreamingError"),
    *("ResponseParserError", "ClientPayloadError", "FSTimeoutError", "TimeoutError", "ConnectionError"),
    *(
        "ClientConnectionError",
        "ServerDisconnectedError",
        "ChecksumError",
        "ProxyConnectionError",
        "ProxyError",
    ),
}
_SECRETS = ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_ACCESS_KEY_ID")
_LONGEST = 250


def meaning_of(file: Remote, error: Exception) -> Exception | None:
    """Return what an exception of a store means.

    Parameters
    ----------
    file : Remote
        The object that was to be read.
    error : Exception

    Returns
    -------
    FileNotFoundError, ObjectUnavailable, TransientError, StorageError or None
        None if a range was asked of an object without bytes.
    """
    chain = list(_chain(error))
    code, status = _code(chain), _http_status(chain)
    names = {kind.__name__ for one in chain for kind in type(one).__mro__}
    if code == "InvalidRange" or status == 416:
        return None
    if code == "NoSuchBucket":
        return _failure(file, f"the bucket {file.bucket!r} does not exist")
    if isinstance(error, FileNotFoundError):
        return FileNotFoundError(str(file))
    if code == "InvalidObjectState":
        return ObjectUnavailable("the object is archived and must be restored first")
    if "content-encoding" in str(error).lower():  # aiohttp, which unpacks what GCS sends in parts
        return ObjectUnavailable("it is stored with a Content-Encoding; store it without, or as .gz")
    if code in _EXPIRED:
        return _failure(file, f"the token has expired ({code})")
    if code in _REFUSED_KEY:
        return _failure(file, f"the credentials are not accepted ({code})")
    if code == "RequestTimeTooSkewed":
        return _failure(file, "the clock of this machine is wrong (RequestTimeTooSkewed)")
    if names & _NO_CREDENTIALS:
        return _failure(file, f"no credentials were found in the environment ({_said(chain)})")
    if code in _REGION or "RecursionError" in names:  # botocore follows redirections without end
        said = f"{code or 'redirected'}: {_said(chain)}"
        return _failure(file, f"the bucket is in another region, see AWS_DEFAULT_REGION ({said})")
    if code in _BUSY or status in (408, 429) or status >= 500:
        return _failure(file, f"the store is busy or out of order ({code or status})", TransientError)
    if isinstance(error, PermissionError) or status in (401, 403):
        needed = "reading needs the permissions to get and to list objects"
        return _failure(file, f"access is denied ({code or status}: {_said(chain)}); {needed}")
    if "SSLError" in names or "SSLCertVerificationError" in names:
        return _failure(file, f"the connection is not trusted: {_said(chain)}")
    if names & _BROKEN:
        return _failure(file, f"the store does not answer: {_said(chain)}", TransientError)
    return _failure(file, f"{type(error).__name__}: {_said(chain)}")


def _failure(file: Remote, reason: str, kind: type[StorageError] = StorageError) -> StorageError:
    return kind(f"{without_secrets(str(file))} cannot be read: {reason}")


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an exception and its causes."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _code(chain: list[BaseException]) -> str:
    """Return the code in S3's answer; empty if there is none."""
    for error in chain:
        answer = getattr(error, "response", None)
        if isinstance(answer, dict) and answer.get("Error", {}).get("Code"):
            return str(answer["Error"]["Code"])
    return ""


def _http_status(chain: list[BaseException]) -> int:
    """Return the HTTP status of S3's or GCS's answer; 0 if there is none."""
    for error in chain:
        answer = getattr(error, "response", None)
        found = answer.get("ResponseMetadata", {}).get("HTTPStatusCode") if isinstance(answer, dict) else None
        found = found or getattr(error, "code", None)
        if isinstance(found, int | str) and str(found).isdigit():
            return int(found)
    return 0


def _said(chain: list[BaseException]) -> str:
    """Return what the store says, or the first exception with a message, in one line without credentials."""
    answers = [getattr(error, "response", None) for error in chain]
    texts = [answer.get("Error", {}).get("Message") for answer in answers if isinstance(answer, dict)]
    text = " ".join(next(filter(None, (*texts, *map(str, chain))), type(chain[0]).__name__).split())
    text = without_secrets(text)
    for secret in filter(None, map(os.environ.get, _SECRETS)):
        text = text.replace(secret, "***")
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."
