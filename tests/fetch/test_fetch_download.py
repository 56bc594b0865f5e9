"""Downloads of one file from working and from faulty servers."""

import errno
import hashlib
import re
import threading
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from local_server import QUICK, answer, breaking_off, endless, with_ranges

from fetch.download import check_address, download, sha256_of
from fetch.errors import Cause, ChecksumError, DownloadError, FetchError, Stopped, TransientError
from fetch.retry import Patience, status_error
from fetch.transfer import part_of

BODY = bytes(range(256)) * 1000


def bring(url, folder, **options):
    options = {"max_bytes": 2**20, "patience": QUICK, **options}
    return download(url, folder / "file", **options)


def leftovers(folder):
    return sorted(path.name for path in folder.iterdir())


def test_whole_file(server, tmp_path):
    seen = []
    came = bring(server.on("/f", answer(BODY)), tmp_path, progress=lambda *figures: seen.append(figures))
    assert came.path.read_bytes() == BODY
    assert came.sha256 == hashlib.sha256(BODY).hexdigest() == sha256_of(came.path)
    assert (came.bytes, came.attempts) == (len(BODY), 1)
    assert seen[-1] == (len(BODY), len(BODY))
    assert leftovers(tmp_path) == ["file"]
    headers = server.asked[0].headers
    assert headers["User-Agent"].startswith("galmorph")
    assert headers["Accept-Encoding"] == "identity"
    assert "Range" not in headers


def test_target_is_replaced_only_when_all_is_there(server, tmp_path):
    (tmp_path / "file").write_bytes(b"old")
    with pytest.raises(DownloadError):
        bring(server.on("/bad", breaking_off(BODY, len(BODY) + 1)), tmp_path)
    assert (tmp_path / "file").read_bytes() == b"old"
    bring(server.on("/good", answer(BODY)), tmp_path)
    assert (tmp_path / "file").read_bytes() == BODY


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_passing_errors_are_tried_again(server, tmp_path, status):
    url = server.on("/f", answer(status=status), answer(status=status), answer(BODY))
    assert bring(url, tmp_path).attempts == 3


@pytest.mark.parametrize(
    ("status", "cause"),
    [(400, Cause.FAILED), (401, Cause.REFUSED), (403, Cause.REFUSED), (404, Cause.FAILED)],
)
def test_lasting_errors_are_not(server, tmp_path, status, cause):
    with pytest.raises(DownloadError, match=f"HTTP {status}") as caught:
        bring(server.on("/f", answer(status=status)), tmp_path)
    assert caught.value.cause is cause
    assert caught.value.attempts == len(server.asked) == 1
    assert leftovers(tmp_path) == []


def test_patience_ends(server, tmp_path):
    with pytest.raises(DownloadError, match="HTTP 503 Service Unavailable") as caught:
        bring(server.on("/f", answer(status=503)), tmp_path)
    assert caught.value.attempts == len(server.asked) == QUICK.retries + 1


def test_retry_after_is_waited_for(server, tmp_path):
    url = server.on("/f", answer(status=429, Retry_After="1"), answer(BODY))
    begin = time.monotonic()
    assert bring(url, tmp_path).attempts == 2
    assert time.monotonic() - begin >= 1.0


def test_retry_after_beyond_patience_gives_up(server, tmp_path):
    with pytest.raises(DownloadError, match="asks to wait 6000 s"):
        bring(server.on("/f", answer(status=429, Retry_After="6000")), tmp_path)
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("header", "seconds"),
    [(None, 0), ("", 0), ("soon", 0), ("-3", 0), ("17", 17), ("Wed, 21 Oct 2015 07:28:00 GMT", 0)],
)
def test_retry_after_header(header, seconds):
    error = status_error(429, header, Patience())
    assert isinstance(error, TransientError)
    assert error.wait == seconds


def test_retry_after_as_a_date():
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=100), usegmt=True)
    assert 95 < status_error(503, later, Patience()).wait <= 100


def test_dropped_connection_is_resumed(server, tmp_path):
    url = server.on(
        "/f", with_ranges(BODY, drop_after=100_000), with_ranges(BODY, drop_after=50_000), with_ranges(BODY)
    )
    came = bring(url, tmp_path)
    assert came.path.read_bytes() == BODY
    assert came.attempts == 3
    ranges = [request.headers.get("Range") for request in server.asked]
    assert ranges[0] is None
    assert all(re.fullmatch(r"bytes=\d+-", wanted) for wanted in ranges[1:])
    assert server.asked[1].headers["If-Range"] == '"v1"'
    assert leftovers(tmp_path) == ["file"]


def test_a_later_call_resumes(server, tmp_path):
    once = Patience(retries=0)
    with pytest.raises(DownloadError, match="connection broke"):
        bring(server.on("/f", with_ranges(BODY, drop_after=100_000)), tmp_path, patience=once)
    held = (tmp_path / "file.part").stat().st_size
    assert 0 < held <= 100_000
    came = bring(server.on("/f", with_ranges(BODY)), tmp_path)
    assert came.path.read_bytes() == BODY
    assert server.asked[-1].headers["Range"] == f"bytes={held}-"


def test_a_changed_file_is_fetched_from_the_start(server, tmp_path):
    with pytest.raises(DownloadError):
        bring(server.on("/f", with_ranges(BODY, drop_after=100_000)), tmp_path, patience=Patience(retries=0))
    new = b"new" * 100_000
    assert bring(server.on("/f", with_ranges(new, tag='"v2"')), tmp_path).path.read_bytes() == new


def test_server_that_sends_another_version_in_ranges(server, tmp_path):
    """The server ignores If-Range, but its new ETag shows the change."""
    new = b"new" * 100_000

    def careless(handler):
        begin = int(handler.headers.get("Range", "bytes=0-").removeprefix("bytes=").rstrip("-"))
        span = f"bytes {begin}-{len(new) - 1}/{len(new)}"
        answer(new[begin:], 206 if begin else 200, Content_Range=span if begin else "", ETag='"v2"')(handler)

    url = server.on("/f", with_ranges(BODY, drop_after=100_000), careless)
    assert bring(url, tmp_path).path.read_bytes() == new


def test_server_that_sends_another_range(server, tmp_path):
    wrong = answer(BODY[7:], 206, Content_Range=f"bytes 7-{len(BODY) - 1}/{len(BODY)}", ETag='"v1"')
    url = server.on("/f", with_ranges(BODY, drop_after=100_000), wrong, with_ranges(BODY))
    assert bring(url, tmp_path).path.read_bytes() == BODY


def test_server_without_ranges_begins_again(server, tmp_path):
    url = server.on("/f", breaking_off(BODY[:70_000], len(BODY), ETag='"v1"'), answer(BODY))
    came = bring(url, tmp_path)
    assert came.path.read_bytes() == BODY
    assert "Range" in server.asked[1].headers


@pytest.mark.parametrize("tag", ["", 'W/"v1"'])
def test_nothing_is_resumed_without_a_strong_validator(server, tmp_path, tag):
    url = server.on("/f", breaking_off(BODY[:70_000], len(BODY), ETag=tag), answer(BODY))
    assert bring(url, tmp_path).path.read_bytes() == BODY
    assert "Range" not in server.asked[1].headers


def test_killed_between_the_last_byte_and_the_renaming(server, tmp_path):
    with pytest.raises(DownloadError):
        bring(server.on("/f", with_ranges(BODY, drop_after=100)), tmp_path, patience=Patience(retries=0))
    (tmp_path / "file.part").write_bytes(BODY)
    assert bring(server.on("/f", with_ranges(BODY)), tmp_path).path.read_bytes() == BODY
    assert len(server.asked) == 2


def test_part_longer_than_the_file(server, tmp_path):
    with pytest.raises(DownloadError):
        bring(server.on("/f", with_ranges(BODY, drop_after=100)), tmp_path, patience=Patience(retries=0))
    (tmp_path / "file.part").write_bytes(BODY + b"more")
    assert bring(server.on("/f", with_ranges(BODY)), tmp_path).path.read_bytes() == BODY


def test_part_of_another_address_is_not_continued(server, tmp_path):
    with pytest.raises(DownloadError):
        bring(server.on("/f", with_ranges(BODY, drop_after=100)), tmp_path, patience=Patience(retries=0))
    bring(server.on("/g", with_ranges(BODY)), tmp_path)
    assert "Range" not in server.asked[-1].headers


@pytest.mark.parametrize("note", ["", "{", "[]", '{"address": 1}', "null"])
def test_damaged_note_beside_a_part(server, tmp_path, note):
    (tmp_path / "file.part").write_bytes(b"whatever")
    (tmp_path / "file.part.json").write_text(note)
    assert bring(server.on("/f", answer(BODY)), tmp_path).path.read_bytes() == BODY


def test_note_keeps_no_address(server, tmp_path):
    server.on("/f", with_ranges(BODY, drop_after=100))
    with pytest.raises(DownloadError) as caught:
        bring(f"{server.url}/f?token=sesame", tmp_path, patience=Patience(retries=0))
    note = (tmp_path / "file.part.json").read_text()
    assert "sesame" not in note + str(caught.value)


def test_truncated_body(server, tmp_path):
    with pytest.raises(DownloadError, match="connection broke"):
        bring(server.on("/f", breaking_off(BODY, len(BODY) + 1)), tmp_path)
    assert len(server.asked) == QUICK.retries + 1
    assert not (tmp_path / "file").exists()


def test_content_length_too_small_is_seen_by_the_checksum(server, tmp_path):
    url = server.on("/f", breaking_off(BODY, 1000))
    with pytest.raises(ChecksumError, match="SHA-256"):
        bring(url, tmp_path, sha256=hashlib.sha256(BODY).hexdigest())
    assert leftovers(tmp_path) == []


@pytest.mark.parametrize("length", ["12, 13", "many"])
def test_senseless_content_length(server, tmp_path, length):
    url = server.on("/f", answer(BODY, Content_Length=length), answer(BODY))
    assert bring(url, tmp_path).path.read_bytes() == BODY


def test_checksum_in_capitals(server, tmp_path):
    bring(server.on("/f", answer(BODY)), tmp_path, sha256=hashlib.sha256(BODY).hexdigest().upper())


def test_check_refuses(server, tmp_path):
    def check(path):
        assert path == part_of(tmp_path / "file")
        raise DownloadError("not that")

    with pytest.raises(DownloadError, match="not that"):
        bring(server.on("/f", answer(BODY)), tmp_path, check=check)
    assert leftovers(tmp_path) == []


def test_endless_data(server, tmp_path):
    with pytest.raises(DownloadError, match=r"larger than .* 1,048,576 bytes"):
        bring(server.on("/f", endless), tmp_path)
    assert leftovers(tmp_path) == []
    assert len(server.asked) == 1


def test_announced_size_above_the_limit(server, tmp_path):
    with pytest.raises(DownloadError, match="larger than"):
        bring(server.on("/f", breaking_off(b"x", 2**40)), tmp_path)


def test_trickle(server, tmp_path):
    def trickle(handler):
        handler.send_response(200)
        handler.end_headers()
        try:
            while True:
                handler.wfile.write(b"x" * 65536)
                time.sleep(0.02)
        except OSError:
            pass

    hasty = Patience(retries=0, longest_transfer=0.1)
    with pytest.raises(DownloadError, match="not finished after 0 s"):
        bring(server.on("/f", trickle), tmp_path, patience=hasty, max_bytes=2**40)


def test_silence(server, tmp_path):
    gone = threading.Event()
    patience = Patience(retries=0, read_timeout=0.2)
    with pytest.raises(DownloadError, match=r"0\.2 s"):
        bring(server.on("/f", lambda handler: gone.wait(5)), tmp_path, patience=patience)
    gone.set()


def test_nobody_listens(nowhere, tmp_path):
    with pytest.raises(DownloadError, match=r"127.0.0.1 cannot be reached: Connection refused") as caught:
        bring(f"{nowhere}/f?token=sesame", tmp_path)
    assert caught.value.cause is Cause.UNREACHABLE
    assert caught.value.attempts == QUICK.retries + 1
    assert "sesame" not in str(caught.value)


def test_host_that_does_not_exist(tmp_path, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "*")
    with pytest.raises(DownloadError, match=r"galmorph.invalid cannot be reached") as caught:
        bring("http://galmorph.invalid/f", tmp_path, patience=Patience(retries=0))
    assert caught.value.cause is Cause.UNREACHABLE


def test_redirect(server, tmp_path):
    server.on("/f", answer(BODY))
    url = server.on("/old", answer(status=302, Location="/f"))
    assert bring(url, tmp_path).path.read_bytes() == BODY


def test_redirect_to_a_file_is_not_followed(server, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("secret")
    with pytest.raises(DownloadError, match="HTTP"):
        bring(server.on("/f", answer(status=302, Location=secret.as_uri())), tmp_path)
    assert leftovers(tmp_path) == ["secret"]


def test_redirect_in_circles(server, tmp_path):
    with pytest.raises(DownloadError, match="redirects in a circle"):
        bring(server.on("/f", answer(status=302, Location="/f")), tmp_path)


def test_stop_ends_a_wait(server, tmp_path):
    stop = threading.Event()
    url = server.on("/f", answer(status=503))
    threading.Timer(0.2, stop.set).start()
    begin = time.monotonic()
    with pytest.raises(Stopped):
        bring(url, tmp_path, patience=Patience(first_wait=60), stop=stop)
    assert time.monotonic() - begin < 5


def test_stop_ends_a_transfer_that_can_be_resumed(server, tmp_path):
    stop = threading.Event()
    with pytest.raises(Stopped):
        bring(server.on("/f", endless), tmp_path, stop=stop, progress=lambda *_: stop.set(), max_bytes=2**40)
    assert (tmp_path / "file.part").exists()


def test_full_disk_is_not_tried_again(server, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left") as caught:
        bring(server.on("/f", answer(BODY)), tmp_path)
    assert caught.value.errno == errno.ENOSPC
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "ftp://host/f", "host/f", "https://", "", "http://[::1"]
)
def test_addresses_that_are_none(url):
    with pytest.raises(FetchError, match="https://"):
        check_address(url)
