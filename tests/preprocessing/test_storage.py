"""Objects of a store, against moto's S3 server and boto3."""

import gzip
import json
import multiprocessing
import os
import subprocess
import sys
import threading

import fsspec
import pytest
from aiohttp import ClientPayloadError
from gcsfs.retry import validate_response
from object_store import BUCKET, KEY, SECRET, ObjectStore

from preprocessing import storage
from preprocessing.locations import STORES, Remote
from preprocessing.storage import downloaded, listing, read_object, status_of
from preprocessing.storage_errors import ObjectUnavailable, StorageError, TransientError, meaning_of

KEYS = ["a/plain.fits", "a/[x] *?#%20+&=.fits", "a/NGC 7 é.fits", "a//double.fits", "root.fits", "a/.hidden"]


def at(key: str) -> Remote:
    return Remote(f"s3://{BUCKET}/{key}")


def test_keys_are_taken_as_they_are(object_store):
    for key in KEYS:
        object_store.put(key, key.encode())
    assert [read_object(at(key), 100) for key in KEYS] == [key.encode() for key in KEYS]
    found = listing(at(""))
    assert found.keys() == {str(at(key)) for key in KEYS}
    assert all(found[str(at(key))] == status_of(at(key)) for key in KEYS)
    assert listing(at("a/[")).keys() == {str(at(KEYS[1]))}
    assert listing(at("b/")) == {}


def test_an_object_is_read_by_one_request(object_store):
    object_store.put("k", b"0123456789")
    object_store.asked.clear()
    assert read_object(at("k"), 100) == b"0123456789"
    assert read_object(at("k"), 10) == b"0123456789"
    assert read_object(at("k"), 4) == b"01234", "one byte more shows that it is too large"
    with pytest.raises(FileNotFoundError):
        read_object(at("absent"), 100)
    assert [asked.split()[0] for asked in object_store.asked] == ["GET"] * 4
    object_store.put("empty", b"")
    assert read_object(at("empty"), 100) == b""


def test_a_listing_has_pages_and_sees_new_objects(object_store, monkeypatch):
    monkeypatch.setenv("MOTO_S3_DEFAULT_MAX_KEYS", "10")  # S3 has 1000
    for number in range(23):
        object_store.put(f"p/{number:04d}", b"")
    object_store.asked.clear()
    assert len(listing(at("p/"))) == 23
    assert len(object_store.asked) == 3
    object_store.put("p/new", b"x")
    assert len(listing(at("p/"))) == 24
    assert read_object(at("p/new"), 9) == b"x"


def test_the_tag_changes_with_the_content(object_store):
    object_store.put("k", b"one")
    before = status_of(at("k"))
    object_store.put("k", b"one")
    assert status_of(at("k")) == before
    object_store.put("k", b"two")
    assert status_of(at("k")) != before


FAULTS = {
    "AccessDenied": (403, "denied"),
    "ExpiredToken": (400, "expired"),
    "InvalidAccessKeyId": (403, "credentials"),
    "SignatureDoesNotMatch": (403, "credentials"),
    "RequestTimeTooSkewed": (403, "clock"),
    "AuthorizationHeaderMalformed": (400, "AWS_DEFAULT_REGION"),
    "Odd": (418, "Odd"),
}


@pytest.mark.parametrize("code", FAULTS)
def test_what_concerns_all_objects_is_a_storage_error(object_store, code):
    uri = object_store.put("k", b"x")
    status, says = FAULTS[code]
    object_store.fault = lambda environ: (status, code)
    object_store.asked.clear()
    for ask in (lambda: read_object(at("k"), 9), lambda: listing(at("k")), lambda: copied("k")):
        with pytest.raises(StorageError) as refused:
            ask()
        message = str(refused.value)
        assert uri in message and says in message and "\n" not in message
        assert KEY not in message and SECRET not in message
    assert len(object_store.asked) == 3, "there is nothing to retry"


def copied(key: str) -> bytes:
    with downloaded(at(key)) as file:
        return file.read()


@pytest.mark.parametrize(("status", "code"), [(503, "SlowDown"), (500, "InternalError"), (429, "TooMany")])
def test_a_busy_store_is_asked_again(object_store, status, code):
    object_store.put("k", b"x")
    left = iter(range(3))
    object_store.fault = lambda environ: (status, code) if next(left, None) is not None else None
    object_store.asked.clear()
    assert read_object(at("k"), 9) == b"x"
    assert len(object_store.asked) == 4
    object_store.fault = lambda environ: (status, code)
    object_store.asked.clear()
    with pytest.raises(StorageError, match=code):
        read_object(at("k"), 9)
    assert len(object_store.asked) == 1 + storage.RETRIES


def test_an_archived_object_concerns_only_itself(object_store):
    object_store.put("k", b"x")
    object_store.fault = lambda environ: (403, "InvalidObjectState")
    with pytest.raises(ObjectUnavailable, match="archived"):
        read_object(at("k"), 9)


def test_a_content_encoding(object_store):
    """S3's bytes are taken as they are stored; a range of GCS's cannot be unpacked by aiohttp."""
    content = gzip.compress(b"content")
    object_store.client.put_object(Bucket=BUCKET, Key="k", Body=content, ContentEncoding="gzip")
    assert read_object(at("k"), 100) == copied("k") == content
    error = ClientPayloadError("400, message='Can not decode content-encoding: gzip'")
    assert isinstance(meaning_of(Remote("gs://b/k"), error), ObjectUnavailable)


@pytest.mark.parametrize(
    ("code", "kind"),
    [(404, FileNotFoundError), (403, StorageError), (401, StorageError), (429, TransientError)],
)
def test_the_errors_of_gcsfs(code, kind):
    answer = {"code": code, "message": "said"}
    with pytest.raises(Exception) as raised:
        validate_response(code, json.dumps({"error": answer}).encode(), "b/k")
    meaning = meaning_of(Remote("gs://b/k"), raised.value)
    assert type(meaning) is kind and "gs://b/k" in str(meaning)


def test_an_absent_bucket_is_no_absent_object(object_store):
    for ask in (lambda file: read_object(file, 9), listing):
        with pytest.raises(StorageError, match="bucket 'elsewhere' does not exist"):
            ask(Remote("s3://elsewhere/k"))


@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:9", "http://nowhere.invalid", "no-url"])
def test_an_endpoint_that_does_not_answer(object_store, monkeypatch, endpoint):
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    with pytest.raises(StorageError, match="s3://galaxies/k cannot be read"):
        read_object(at("k"), 9)


def test_a_server_that_is_no_object_store(object_store, monkeypatch):
    object_store.put("k", b"x")

    def page(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/html"), ("Content-Length", "6")])
        return [b"<html>"]

    other = ObjectStore()
    other.wrapped = lambda _: page
    server = other.serve()
    monkeypatch.setenv("AWS_ENDPOINT_URL", other.url)
    with pytest.raises(StorageError):
        listing(at("k"))
    server.shutdown()


def test_no_credentials(object_store, monkeypatch):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(StorageError, match="no credentials"):
        read_object(at("k"), 9)
    object_store.client.put_object(Bucket=BUCKET, Key="k", Body=b"public", ACL="public-read")
    monkeypatch.setenv("FSSPEC_S3_ANON", "true")  # fsspec reads its variables when it is imported
    code = f"""
from preprocessing.storage import read_object
from preprocessing.locations import Remote
print(read_object(Remote("s3://{BUCKET}/k"), 9))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.stdout.strip(), done.stderr) == ("b'public'", ""), "nothing is said at exit"


def test_a_package_that_is_missing(object_store, monkeypatch):
    monkeypatch.setitem(STORES, "s3", "no_such_package")
    with pytest.raises(StorageError, match="no_such_package"):
        read_object(at("k"), 9)


def test_a_copy_is_of_one_version(object_store):
    object_store.put("k", b"old")
    assert copied("k") == b"old"
    versions = iter(range(100))

    def change(environ):
        if environ["REQUEST_METHOD"] == "HEAD" and change.busy is False:
            change.busy = True
            object_store.put("k", b"new%d" % next(versions))
            change.busy = False

    change.busy = False
    object_store.fault = change
    with pytest.raises(StorageError, match="changes while it is read"):
        copied("k")
    object_store.fault = None
    assert copied("k").startswith(b"new")


def test_a_wait_before_a_retry_can_be_stopped(object_store, monkeypatch):
    monkeypatch.setattr(storage, "FIRST_WAIT", 60.0)
    monkeypatch.setattr(storage, "LONGEST_WAIT", 60.0)
    object_store.fault = lambda environ: (503, "SlowDown")
    stop = threading.Event()
    threading.Timer(0.2, stop.set).start()
    with pytest.raises(StorageError, match="stopped"):
        read_object(at("k"), 9, stop)


def _read_in_child(queue: "multiprocessing.Queue[bytes]") -> None:
    queue.put(read_object(at("k"), 9))


def test_a_forked_process_makes_its_own_connection(object_store):
    object_store.put("k", b"x")
    assert read_object(at("k"), 9) == b"x"  # the parent has a connection and a thread with an event loop
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    child = context.Process(target=_read_in_child, args=(queue,))
    child.start()
    assert queue.get(timeout=30) == b"x"
    child.join(timeout=30)
    assert child.exitcode == 0 and os.getpid() != child.pid


def test_any_file_system_of_fsspec_will_do(monkeypatch):
    """What is used of fsspec is its common interface, so that gcsfs is served by the same code."""
    monkeypatch.setitem(STORES, "memory", "fsspec")
    files = fsspec.filesystem("memory")
    files.store.clear()
    files.pipe({"/b/a/one": b"1", "/b/a/two": b"22", "/b/c": b"333"})
    assert read_object(Remote("memory://b/a/two"), 9) == b"22"
    assert {uri: status.size for uri, status in listing(Remote("memory://b/a/")).items()} == {
        "memory://b/a/one": 1,
        "memory://b/a/two": 2,
    }
    with downloaded(Remote("memory://b/c")) as copy:
        assert copy.read() == b"333"
    with pytest.raises(FileNotFoundError):
        read_object(Remote("memory://b/none"), 9)
    before = status_of(Remote("memory://b/c"))
    files.pipe("/b/c", b"444")
    assert status_of(Remote("memory://b/c")) != before
