"""What answers of the server, and failures to get one, mean: one line each."""

import json
import re
from collections.abc import Mapping
from urllib.parse import urljoin, urlsplit

import urllib3
from kfp_server_api.exceptions import ApiException

from kubeflow.submit.errors import BusyError, FaultError, SubmitError, UnreachableError

_LOGIN = re.compile(
    r"dex|oauth2|oauth|login|signin|sign_in|openid|authservice|accounts\.google|keycloak", re.I
)
_HINT = "on a Kubeflow platform the address of the API ends in /pipeline"
_LONGEST = 400


def refusal(error: ApiException, url: str) -> SubmitError:
    """Return what an answer other than success means.

    Parameters
    ----------
    error : ApiException
    url : str
        What was asked.
    """
    status, where = error.status, _host(url)
    headers: Mapping[str, str] = error.headers or {}
    text = _message(error.body)
    if not status:
        return _tls(where, str(error.reason))
    if 300 <= status < 400:
        return _redirect(where, url, headers.get("Location", ""))
    if status == 401 or re.search(r"Unauthenticated|no user identity header", text):
        return SubmitError(
            f"{where} does not know who is asking (401): the token is missing, has expired or is not for "
            f"this server; give a new one with --token-file{_quoted(text)}"
        )
    if status == 403 or re.search(r"PermissionDenied|is not authorized|Unauthorized access", text):
        return SubmitError(
            f"{where} refuses permission (403): check --namespace and the token{_quoted(text)}"
        )
    if status in (429, 502, 503, 504):
        return BusyError(f"{where} is not available at the moment ({status}){_quoted(text)}")
    if status == 404 and (url.partition("?")[0].endswith("/healthz") or _is_html(error.body)):
        return SubmitError(
            f"{where} has no API of Kubeflow Pipelines 2 (404 for {urlsplit(url).path}); {_HINT}, and KFP 1 "
            "is not supported"
        )
    if status == 413 or "too large" in text.lower():
        return SubmitError(f"{where}: the pipeline or its arguments are too large{_quoted(text)}")
    if status >= 500:
        return FaultError(f"{where} failed ({status}){_quoted(text)}")
    return SubmitError(f"{where} refuses ({status}){_quoted(text)}")


def broken(error: Exception, url: str) -> SubmitError:
    """Return what a failed connection means.

    Parameters
    ----------
    error : urllib3.exceptions.HTTPError
    url : str
    """
    where = _host(url)
    causes = "; ".join(str(cause) for cause in _causes(error))
    if any(isinstance(cause, urllib3.exceptions.SSLError) for cause in _causes(error)):
        return _tls(where, causes)
    proxy = isinstance(error, urllib3.exceptions.ProxyError)
    if isinstance(error, urllib3.exceptions.NameResolutionError):
        return UnreachableError(f"{where} cannot be reached: there is no host of this name")
    if isinstance(error, urllib3.exceptions.NewConnectionError):
        return UnreachableError(f"{where} cannot be reached: {_reason(causes)}")
    if isinstance(error, urllib3.exceptions.ConnectTimeoutError):
        return UnreachableError(f"{where} cannot be reached: no connection in time")
    if proxy:
        return UnreachableError(f"the proxy to {where} cannot be used: {_reason(causes)}")
    if isinstance(error, urllib3.exceptions.LocationValueError):
        return SubmitError(f"{where} is no address of a server")
    if isinstance(error, urllib3.exceptions.ReadTimeoutError):
        return BusyError(f"{where} did not answer in time")
    return BusyError(f"the connection to {where} broke: {_reason(causes)}")


def no_api(url: str, body: bytes | str | None) -> SubmitError:
    """Return what a success means whose body is not JSON."""
    where, page = _host(url), _text(body)
    title = re.search(r"<title[^>]*>([^<]{1,80})", page, re.I)
    shown = f" ({' '.join(title[1].split())})" if title and title[1].strip() else ""
    if _LOGIN.search(page[:20000]):
        return SubmitError(
            f"{where} answers with a page to log in{shown}: give a token (--token-file) or the cookie of a "
            "session (--cookie-file)"
        )
    return SubmitError(f"{where} answers with a page{shown}, not as the API of Kubeflow Pipelines; {_HINT}")


def _redirect(where: str, url: str, location: str) -> SubmitError:
    target = urljoin(url, location)
    there = urlsplit(target)
    if _LOGIN.search(f"{there.netloc}{there.path}"):
        return SubmitError(
            f"{where} sends us to log in ({there.scheme}://{there.netloc}{there.path}): give a token "
            "(--token-file) or the cookie of a session (--cookie-file)"
        )
    to = re.sub(r"/apis/.*", "", f"{there.scheme}://{there.netloc}{there.path}")
    return SubmitError(f"{where} sends us elsewhere; try --host {to}")


def _tls(where: str, problem: str) -> SubmitError:
    problem = " ".join(problem.split())
    if "self-signed" in problem or "self signed" in problem or "unable to get local issuer" in problem:
        return SubmitError(
            f"{where}: no known authority signed the certificate; give its file with --ca-cert"
        )
    if "expired" in problem:
        return SubmitError(f"{where}: the certificate has expired")
    if "doesn't match" in problem or "mismatch" in problem:
        return SubmitError(f"{where}: the certificate is for another host")
    if "WRONG_VERSION_NUMBER" in problem or "wrong version number" in problem or "record layer" in problem:
        return SubmitError(f"{where} does not speak TLS; try http:// in place of https://")
    return SubmitError(f"{where}: no secure connection{_quoted(problem)}")


def _message(body: bytes | str | None) -> str:
    """Return the message in a body as KFP's API and Kubernetes write it."""
    text = _text(body)
    try:
        found = json.loads(text)
    except ValueError:
        return "" if _is_html(text) else text
    if not isinstance(found, dict):
        return ""
    details = found.get("details") or [{}]
    inner = (
        details[0].get("error_details") if isinstance(details, list) and isinstance(details[0], dict) else ""
    )
    return str(found.get("message") or found.get("error_message") or found.get("error") or inner or "")


def _quoted(text: str) -> str:
    line = " ".join(text.split())
    if not line:
        return ""
    return f": {line if len(line) <= _LONGEST else line[:_LONGEST] + '...'}"


def _causes(error: BaseException) -> list[BaseException]:
    found: list[BaseException] = []
    following: BaseException | None = error
    while following is not None and following not in found:
        found.append(following)
        reason = getattr(following, "reason", None)
        inner = reason if isinstance(reason, BaseException) else None
        following = inner or following.__cause__ or following.__context__
    return found


def _reason(causes: str) -> str:
    known = re.search(r"\[Errno -?\d+\] ([^'\")]+)", causes)
    if known:
        return known[1].strip()
    return " ".join(causes.split())[:160] or "no reason is given"


def _host(url: str) -> str:
    return re.sub(r"/apis/.*", "", url.partition("?")[0])


def _text(body: bytes | str | None) -> str:
    return body.decode("utf-8", "replace") if isinstance(body, bytes) else body or ""


def _is_html(body: bytes | str | None) -> bool:
    return _text(body).lstrip()[:1] == "<"
