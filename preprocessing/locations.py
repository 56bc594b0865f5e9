"""Where a file lies: a path of this machine, or the URI of an object in an object store."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

STORES = {"s3": "s3fs", "gs": "gcsfs"}
"""Supported schemes of URIs, with the package that each needs."""

_URI = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_USER = re.compile(r"(://)[^/@\s]*@")
_QUERY = re.compile(
    r"\?[^\s\"']*\b(X-Amz-|X-Goog-|Signature=|AWSAccessKeyId=|GoogleAccessId=|token=|sig=)[^\s\"']*",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, order=True)
class Remote:
    """An object in an object store.

    Attributes
    ----------
    uri : str
        ``s3://bucket/key`` or ``gs://bucket/key``. A key is taken as it is: no character is an escape.
    """

    uri: str

    def __str__(self) -> str:
        return self.uri

    @property
    def name(self) -> str:
        """What follows the last slash."""
        return self.uri.rsplit("/", 1)[-1]

    @property
    def scheme(self) -> str:
        """What precedes ``://``."""
        return self.uri.partition("://")[0]

    @property
    def place(self) -> str:
        """Bucket and key."""
        return self.uri.partition("://")[2]

    @property
    def bucket(self) -> str:
        """Name of the bucket."""
        return self.place.partition("/")[0]


Location: TypeAlias = Path | Remote
"""Where a file lies."""


def is_uri(text: str) -> bool:
    """Return whether a text is a URI, not a path."""
    return _URI.match(text) is not None


def location(text: str) -> Location:
    """Return the location that a text names: a path, or a URI that `uri_problem` accepts."""
    return Remote(text) if is_uri(text) else Path(text)


def without_secrets(text: str) -> str:
    """Return a text with ``***`` for credentials and signatures in its URIs."""
    return _QUERY.sub("?***", _USER.sub(r"\1***@", text))


def uri_problem(text: str) -> str:
    """Return why a URI cannot be used; empty if it can, or if it is a path.

    Parameters
    ----------
    text : str
        May contain ``{name}`` and ``{band}``.

    Returns
    -------
    str
        One sentence without the credentials that the URI may contain.
    """
    found = _URI.match(text)
    if found is None:
        return ""
    scheme, shown, rest = found[1], without_secrets(text), text[found.end() :]
    if shown != text:
        return (
            f"{shown} contains credentials or a signature; give them by the environment"
            " (AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, GOOGLE_APPLICATION_CREDENTIALS, or the identity"
            " of the machine)"
        )
    if scheme not in STORES:
        known = " and ".join(f"{name}://" for name in STORES)
        return f"{shown}: {scheme}:// is not supported, only paths, {known}{_HINTS.get(scheme.lower(), '')}"
    bucket, _, key = rest.partition("/")
    if not bucket or not key:
        return (
            f"{shown} lacks a {'key after the bucket' if bucket else 'bucket'}, as in {scheme}://bucket/key"
        )
    if "{name}" in bucket:
        return f"{shown}: the name of the bucket cannot contain {{name}}"
    return ""


_HINTS = {
    "file": "; write the path without file://",
    "minio": "; write s3:// and set AWS_ENDPOINT_URL to the address of MinIO",
    "s3a": "; write s3://",
    "s3n": "; write s3://",
    "gcs": "; write gs://",
    "http": "; download the files first, or mount them",
    "https": "; download the files first, or mount them",
    "ftp": "; download the files first",
}
