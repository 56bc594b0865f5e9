"""Where the API is, and what is needed to be let in."""

import os
import re
import ssl
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from kubeflow.submit.errors import SubmitError
from kubeflow.submit.token import Token

IN_CLUSTER_HOST = "http://ml-pipeline.kubeflow.svc.cluster.local:8888"
"""The API inside a cluster, where Kubeflow Pipelines is in the namespace `kubeflow`."""

IN_CLUSTER_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
"""Where a pod has the name of its namespace."""

_API = re.compile(r"/apis(/v\d\w*)?/?$")


@dataclass(frozen=True)
class Access:
    """How to reach the API.

    Attributes
    ----------
    host : str
        URL without a slash at its end.
    namespace : str
        Of the user, on a platform with several; may be empty.
    token : Token or None
    cookie : str
        Of the session, for a platform that takes no tokens; may be empty. Never shown.
    ca_cert : Path or None
        Certificates of trusted authorities (PEM), in place of those that certifi has.
    ui_host : str
        URL of the user interface, for links, if it is not `host`.
    timeouts : (float, float)
        Longest waits for a connection and for an answer [s].
    """

    host: str
    namespace: str = ""
    token: Token | None = None
    cookie: str = ""
    ca_cert: Path | None = None
    ui_host: str = ""
    timeouts: tuple[float, float] = (10.0, 60.0)

    def __repr__(self) -> str:
        return f"Access({self.host}, namespace={self.namespace!r}, token={self.token})"

    @property
    def is_open(self) -> bool:
        """Whether secrets would pass a network unencrypted."""
        host = urlsplit(self.host).hostname or ""
        inside = host in ("localhost", "127.0.0.1", "::1") or host.endswith((".svc", ".svc.cluster.local"))
        return self.host.startswith("http:") and not inside and bool(self.token or self.cookie)

    def run_link(self, run_id: str) -> str:
        """Return the page of a run."""
        return f"{self.ui_host or self.host}/#/runs/details/{run_id}"

    def experiment_link(self, experiment_id: str) -> str:
        """Return the page of an experiment."""
        return f"{self.ui_host or self.host}/#/experiments/details/{experiment_id}"

    def recurring_run_link(self, recurring_run_id: str) -> str:
        """Return the page of a recurring run."""
        return f"{self.ui_host or self.host}/#/recurringrun/details/{recurring_run_id}"


def parse_host(text: str | None, option: str = "--host") -> str:
    """Return the address of the API, without what people copy along with it from a browser.

    Parameters
    ----------
    text : str or None
        None means the address inside the cluster, if this is a pod.
    option : str
        For messages.

    Raises
    ------
    SubmitError
        If it is no URL of a server.
    """
    if not text:
        if IN_CLUSTER_NAMESPACE.is_file():
            return IN_CLUSTER_HOST
        raise SubmitError(
            f"give {option} URL (or the environment variable KF_PIPELINES_ENDPOINT), such as "
            "http://localhost:8080 after `kubectl port-forward -n kubeflow svc/ml-pipeline-ui 8080:80`"
        )
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise SubmitError(f"{option} {text}: the host or port is invalid") from None
    if "://" not in text:
        raise SubmitError(f"{option} {text} has no scheme; write http://{text} or https://{text}")
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        raise SubmitError(f"{option} {text} is no URL of a server; it begins with http:// or https://")
    if parts.username is not None or parts.password is not None:
        raise SubmitError(
            f"{option}: a URL with a password is not taken; put a token into a file (--token-file)"
        )
    path = _API.sub("", parts.path.rstrip("/"))
    if path.startswith("/_/"):  # the dashboard's frame around the pages of Kubeflow Pipelines
        path = path.removeprefix("/_")
    return f"{parts.scheme}://{parts.netloc}{path.rstrip('/')}"


def own_namespace() -> str:
    """Return the namespace of this pod; empty outside of a cluster."""
    try:
        return IN_CLUSTER_NAMESPACE.read_text(encoding="utf-8").strip()
    except OSError:
        return ""


def read_cookie(file: Path | None) -> str:
    """Return the cookies in a file, ``name=value`` separated by semicolons; empty without a file.

    Raises
    ------
    SubmitError
        If the file cannot be read or holds no cookie.
    """
    if file is None:
        return ""
    try:
        text = file.read_text(encoding="utf-8").strip().removeprefix("Cookie:").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SubmitError(
            f"--cookie-file {file} cannot be read: {getattr(error, 'strerror', error)}"
        ) from None
    if not re.fullmatch(r"[\x21-\x7e]+=[\x20-\x7e]*", text):
        raise SubmitError(f"--cookie-file {file} holds no cookie; write name=value")
    return text


def find_certificates(file: Path | None) -> Path | None:
    """Return the file of trusted certificates, checked; ``SSL_CERT_FILE`` names one if no option does.

    Raises
    ------
    SubmitError
        If the file cannot be read or holds no certificate.
    """
    option = "--ca-cert"
    if file is None and os.environ.get("SSL_CERT_FILE"):
        file, option = Path(os.environ["SSL_CERT_FILE"]), "SSL_CERT_FILE"
    if file is None:
        return None
    try:
        ssl.create_default_context(cafile=str(file))
    except ssl.SSLError:
        raise SubmitError(f"{option} {file} holds no certificate in PEM format") from None
    except OSError as error:
        raise SubmitError(f"{option} {file} cannot be read: {error.strerror or error}") from None
    return file
