"""Read objects of object stores (S3, MinIO, Google Cloud Storage) through fsspec.

Credentials and endpoint come from the environment, as the libraries of the stores read it; nothing is taken
from a configuration, and nothing is pickled into worker processes: each process makes its own connection.

Every object is read by one request. An object that does not exist raises FileNotFoundError; everything else
that keeps objects from being read (an expired token, a host that does not answer) raises `StorageError`,
because it concerns all of them.
"""

import importlib.util
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from tempfile import TemporaryDirectory
from threading import Event
from typing import Any, BinaryIO, NamedTuple, TypeVar

from preprocessing.locations import STORES, Remote, uri_problem
from preprocessing.retries import retrying
from preprocessing.storage_errors import StorageError, TransientError, meaning_of

CONNECTIONS = 32
"""Requests to a store at the same time in one process."""
RETRIES, FIRST_WAIT, LONGEST_WAIT = 5, 0.5, 8.0
"""Retries after a busy store or a broken connection, and the waits before them [s]; 23 s or less in all."""
_CHANGES = 3
# The retries are made here, so that they are the same for all stores.
_OPTIONS: dict[str, dict[str, Any]] = {
    "s3": {
        "config_kwargs": {
            "max_pool_connections": CONNECTIONS,
            "retries": {"mode": "standard", "total_max_attempts": 1},
            "connect_timeout": 10,
            "read_timeout": 60,
        }
    },
    "gs": {"requests_timeout": 60},
}
_CONTENT_TAGS = ("ETag", "generation", "etag", "md5Hash", "mtime", "created", "LastModified", "updated")

Result = TypeVar("Result")


class Status(NamedTuple):
    """What changes if an object changes.

    Attributes
    ----------
    size : int
        [bytes].
    tag : str
        ETag, generation, or time of the last change, whichever the store gives.
    """

    size: int
    tag: str


def read_object(file: Remote, most: int, stop: Event | None = None) -> bytes:
    """Read an object by one request, which the store answers with one version of it.

    Parameters
    ----------
    file : Remote
    most : int
        Largest number of bytes to read; one more is returned if the object is larger.
    stop : threading.Event, optional
        Ends the waits before retries.

    Returns
    -------
    bytes

    Raises
    ------
    FileNotFoundError
        If there is no such object.
    ObjectUnavailable
        If this object cannot be read, but others may be: it is archived.
    StorageError
        If the store cannot be read.
    """

    def read() -> bytes:
        # With a range, s3fs sends one request; without, it asks for the size first.
        content = _filesystem(file).cat_file(file.place, start=0, end=most + 1)
        assert isinstance(content, bytes)
        return content

    try:
        return _asked(file, read, stop)
    except _EmptyObject:
        return b""


def status_of(file: Remote) -> Status:
    """Return the status of an object by one or two requests; raises what `read_object` does."""

    def ask() -> Status:
        return _status(_filesystem(file).info(file.place))

    return _asked(file, ask)


def listing(prefix: Remote) -> dict[str, Status]:
    """List all objects whose URIs begin with a text, however many slashes follow.

    Parameters
    ----------
    prefix : Remote
        For example ``s3://bucket/g_stamps/``. S3 lists 1000 objects for each request, GCS the same.

    Returns
    -------
    dict of str to Status
        By URI. Listings are never cached, so that new objects are seen.

    Raises
    ------
    StorageError
        If the store cannot be read, or there is no such bucket.
    """
    begin = prefix.place.removeprefix(f"{prefix.bucket}/")

    def ask() -> dict[str, Status]:
        filesystem = _filesystem(prefix)
        found = filesystem.find(prefix.bucket, detail=True, prefix=begin)
        uris = ((f"{prefix.scheme}://{name.lstrip('/')}", about) for name, about in found.items())
        return {
            uri: _status(about)
            for uri, about in uris
            if uri.startswith(prefix.uri) and about.get("type") != "directory"
        }

    try:
        return _asked(prefix, ask)
    except FileNotFoundError:
        raise StorageError(
            f"{prefix} cannot be listed: the bucket {prefix.bucket!r} does not exist"
        ) from None


@contextmanager
def downloaded(file: Remote) -> Iterator[BinaryIO]:
    """Context with a temporary copy of an object, for large files and for what needs a file.

    Parameters
    ----------
    file : Remote

    Yields
    ------
    binary stream
        Deleted afterwards, but open files remain readable.

    Raises
    ------
    FileNotFoundError, ObjectUnavailable, StorageError
        As in `read_object`; also if the object changes each time that it is read.
    """
    with TemporaryDirectory(prefix="galmorph-") as folder:
        copy = os.path.join(folder, "copy")
        read_object(file, 0)  # the answer says what is wrong; that to a request for the status has no body
        for _ in range(_CHANGES):
            before = status_of(file)
            _asked(file, lambda: _filesystem(file).get_file(file.place, copy))
            # A large object is read by several requests, perhaps of different versions.
            if status_of(file) == before and os.path.getsize(copy) == before.size:
                break
        else:
            raise StorageError(f"{file} cannot be read: it changes while it is read")
        with open(copy, "rb") as stream:
            yield stream


class _EmptyObject(Exception):
    """A range was asked of an object without bytes."""


def _asked(file: Remote, ask: Callable[[], Result], stop: Event | None = None) -> Result:
    """Call a function; retry what may pass, and give exceptions their meaning."""
    retry = retrying(
        RETRIES,
        FIRST_WAIT,
        LONGEST_WAIT,
        stop or Event(),
        transient=TransientError,
        stopped=lambda: StorageError(f"{file}: reading was stopped"),
    )

    def attempt() -> Result:
        try:
            return ask()
        except StorageError:
            raise
        except Exception as error:
            meaning = meaning_of(file, error)
            raise _EmptyObject if meaning is None else meaning from error

    return retry(attempt)


def _status(about: dict[str, Any]) -> Status:
    tag = next((str(about[key]) for key in _CONTENT_TAGS if about.get(key)), "")
    return Status(int(about.get("size") or 0), tag.strip('"'))


def _filesystem(file: Remote) -> Any:
    if file.scheme not in STORES:
        raise StorageError(uri_problem(file.uri))
    return _connection(file.scheme, os.getpid())


@cache
def _connection(scheme: str, process: int) -> Any:
    """Connect to a store; connections do not survive a fork, so each process makes its own."""
    package = STORES[scheme]
    if importlib.util.find_spec(package) is None:
        raise StorageError(f"{scheme}:// needs the package {package}, which is not installed")
    import fsspec

    filesystem = fsspec.filesystem(
        scheme, use_listings_cache=False, skip_instance_cache=True, **_OPTIONS.get(scheme, {})
    )
    filesystem.retries = 1  # of s3fs, which would repeat each of the requests repeated here
    return filesystem
