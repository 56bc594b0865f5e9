"""An S3 server on this machine (moto), which can be told to be slow, busy or unfriendly.

``python tests/support/object_store.py LATENCY`` serves it alone, for measurements.
"""

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

BUCKET = "galaxies"
KEY, SECRET = "AKIAQUITEAKEYFORTESTS", "0123456789secretfortests"

Fault = Callable[[dict[str, Any]], tuple[int, str] | None]
"""Gets the WSGI environment of a request; returns HTTP status and code of S3's error, or None."""


@dataclass
class ObjectStore:
    """The server and what it was asked.

    Attributes
    ----------
    url : str
    asked : list of str
        Method, path and query of every request.
    fault : callable or None
    latency : float
        Wait before each answer [s].
    """

    url: str = ""
    asked: list[str] = field(default_factory=list)
    fault: Fault | None = None
    latency: float = 0.0

    @cached_property
    def client(self) -> Any:
        """A client of boto3, not of s3fs."""
        import boto3

        return boto3.client(
            "s3",
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id=KEY,
            aws_secret_access_key=SECRET,
        )

    def upload(self, folder: Path, prefix: str = "") -> None:
        """Put all files below a folder into the bucket, under their paths relative to it."""
        client = self.client
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                client.put_object(
                    Bucket=BUCKET, Key=prefix + path.relative_to(folder).as_posix(), Body=path.read_bytes()
                )

    def put(self, key: str, content: bytes) -> str:
        """Put one object into the bucket, and return its URI."""
        self.client.put_object(Bucket=BUCKET, Key=key, Body=content)
        return f"s3://{BUCKET}/{key}"

    def wrapped(self, application: Any) -> Any:
        """Return a WSGI application that keeps account, waits and fails."""

        def answer(environ: dict[str, Any], start_response: Any) -> Any:
            asked = f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}?{environ.get('QUERY_STRING', '')}"
            self.asked.append(asked)
            time.sleep(self.latency)
            found = self.fault(environ) if self.fault else None
            if found is None:
                return application(environ, start_response)
            status, code = found
            body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>said {code}</Message></Error>"
            headers = [("Content-Type", "application/xml"), ("Content-Length", str(len(body)))]
            start_response(f"{status} fault", headers)
            return [] if environ["REQUEST_METHOD"] == "HEAD" else [body.encode()]

        return answer

    def serve(self) -> Any:
        """Start the server in a thread and return it."""
        from moto.moto_server.werkzeug_app import (
            DomainDispatcherApplication,
            MotoRequestHandler,
            create_backend_app,
        )
        from werkzeug.serving import make_server

        class Quiet(MotoRequestHandler):
            protocol_version = "HTTP/1.1"  # connections are kept, as S3 does

            def log(self, *_: object) -> None:
                pass

        application = self.wrapped(DomainDispatcherApplication(create_backend_app))
        server = make_server("127.0.0.1", 0, application, threaded=True, request_handler=Quiet)
        self.url = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return server


def environment(url: str) -> dict[str, str]:
    """Return the variables by which a process finds the server and its credentials."""
    return {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }


@pytest.fixture(scope="session")
def _server() -> Iterator[ObjectStore]:
    pytest.importorskip("moto.server", reason="moto[server] is not installed")
    store = ObjectStore()
    server = store.serve()
    yield store
    server.shutdown()


@pytest.fixture
def object_store(_server: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> Iterator[ObjectStore]:
    """An empty bucket `BUCKET`, which the environment points to."""
    import requests

    from preprocessing import storage

    requests.post(f"{_server.url}/moto-api/reset", timeout=10)
    for name in ("AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment(_server.url).items():
        monkeypatch.setenv(name, value)
    _server.client.create_bucket(Bucket=BUCKET)
    _server.asked.clear()
    storage._connection.cache_clear()  # the environment may have changed
    with mock.patch.multiple(storage, FIRST_WAIT=0.01, LONGEST_WAIT=0.02):
        yield _server
    _server.fault, _server.latency = None, 0.0
    storage._connection.cache_clear()


if __name__ == "__main__":
    alone = ObjectStore(latency=float(sys.argv[1]))
    alone.serve()
    print(alone.url, flush=True)
    sys.stdin.read()
