"""Fetching the weights that Keras publishes."""

import hashlib
import os
import signal
import subprocess
import sys
import time
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
from local_server import QUICK, answer, endless, with_ranges

from fetch import weights
from fetch.errors import FetchError
from fetch.weights import fetch_weights
from pipeline.cli import main
from trainer.backbones.names import FACTS
from trainer.weights.preflight import imagenet_weights_problem, keras_cache

PROJECT = Path(__file__).resolve().parent.parent.parent
FILE = "efficientnetb7_notop.h5"
CONTENT = bytes(range(256)) * 800
MD5, SHA256 = hashlib.md5(CONTENT).hexdigest(), hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def bring(server, tmp_path):
    """Fetch from the local server into a folder that does not exist yet."""

    def call(**options):
        values = {"md5": MD5, "patience": QUICK, **options}
        return fetch_weights(f"{server.url}/mirror/", FILE, tmp_path / "new" / "models", **values)

    server.on(f"/mirror/{FILE}", answer(CONTENT))
    return call


@pytest.fixture
def target(tmp_path):
    return tmp_path / "new" / "models" / FILE


def left(target):
    """All files in the folder; there must be no lock file."""
    return sorted(path.name for path in target.parent.iterdir())


def test_the_file_comes(bring, target):
    steps = []
    came = bring(progress=lambda done, total: steps.append((done, total)))
    assert (came.path, came.bytes, came.sha256, came.fetched) == (target, len(CONTENT), SHA256, True)
    assert target.read_bytes() == CONTENT
    assert steps[-1] == (len(CONTENT), len(CONTENT))
    assert left(target) == [FILE]


@pytest.mark.parametrize("slash", ["", "/"])
def test_the_address_is_that_of_a_folder(server, tmp_path, slash):
    server.on(f"/mirror/{FILE}", answer(CONTENT))
    fetch_weights(f"{server.url}/mirror{slash}", FILE, tmp_path, md5=MD5, patience=QUICK)
    assert [request.path for request in server.asked] == [f"/mirror/{FILE}"]


def test_an_existing_complete_file_is_kept_without_a_request(bring, server, target):
    bring()
    again = bring(sha256=SHA256.upper())
    assert (again.fetched, again.sha256, again.bytes) == (False, SHA256, len(CONTENT))
    assert len(server.asked) == 1


def test_other_content_is_refused(bring, server, target):
    server.on(f"/mirror/{FILE}", answer(b"<html>log in</html>"))
    other = hashlib.md5(b"<html>log in</html>").hexdigest()
    with pytest.raises(FetchError, match=f"{FILE} .*MD5 {other}, not {MD5}"):
        bring()
    assert left(target) == []


def test_another_sha256_is_refused(bring, target):
    with pytest.raises(FetchError, match=f"SHA-256 {SHA256}, not {'0' * 64}"):
        bring(sha256="0" * 64)
    assert left(target) == []
    bring(sha256=SHA256.upper())
    with pytest.raises(FetchError, match=f"exists, but has SHA-256 {SHA256}"):
        bring(sha256="0" * 64)


def test_what_is_there_is_not_overwritten(bring, server, target):
    target.parent.mkdir(parents=True)
    target.write_bytes(b"my own weights")
    with pytest.raises(FetchError, match=rf"exists, but has MD5 .* not {MD5}"):
        bring()
    assert target.read_bytes() == b"my own weights"
    assert server.asked == []
    target.unlink()
    target.mkdir()
    with pytest.raises(FetchError, match="is not a file"):
        bring()


def test_a_broken_download_is_resumed(bring, server, target):
    once = replace(QUICK, retries=0)
    server.on(f"/mirror/{FILE}", with_ranges(CONTENT, drop_after=70_000))
    with pytest.raises(FetchError, match="the connection broke"):
        bring(patience=once)
    assert not target.exists()
    held = (target.parent / f"{FILE}.part").stat().st_size
    assert 0 < held <= 70_000
    server.on(f"/mirror/{FILE}", with_ranges(CONTENT))
    assert bring(patience=once).sha256 == SHA256
    assert server.asked[-1].headers["Range"] == f"bytes={held}-"
    assert left(target) == [FILE]


def test_a_hiccup_is_retried(bring, server):
    server.on(
        f"/mirror/{FILE}", answer(status=503), with_ranges(CONTENT, drop_after=9999), with_ranges(CONTENT)
    )
    assert bring().sha256 == SHA256
    assert len(server.asked) == 3


def test_not_there_is_not_retried(bring, server, target):
    server.answers.clear()
    with pytest.raises(FetchError, match=f"{FILE} .*HTTP 404 Not Found"):
        bring()
    assert len(server.asked) == 1
    assert left(target) == []


def test_too_large(bring, server, monkeypatch):
    monkeypatch.setattr(weights, "MAX_WEIGHTS_BYTES", 1000)
    server.on(f"/mirror/{FILE}", endless)
    with pytest.raises(FetchError, match=r"larger than .* 1,000 bytes"):
        bring()


def test_folder_that_cannot_be_written(bring, tmp_path):
    (tmp_path / "new").write_text("")
    with pytest.raises(FetchError, match="cannot be written"):
        bring()


# The command.


@pytest.fixture
def galmorph(monkeypatch, capsys, tmp_path):
    """Run `galmorph fetch weights` with a Keras cache of its own and small published files."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setitem(FACTS, "EfficientNetB7", replace(FACTS["EfficientNetB7"], keras_md5=MD5))

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["galmorph", "fetch", "weights", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        return ended.value.code, printed.out, printed.err

    return run


def model_table(output):
    """Read back the lines that are to go into the configuration."""
    lines = output.partition("[model]")[2].splitlines()
    return tomllib.loads("\n".join(line.strip() for line in lines))


def test_by_default_the_file_goes_where_keras_looks(galmorph, server, tmp_path):
    server.on(f"/{FILE}", answer(CONTENT))
    status, output, errors = galmorph("EfficientNetB7", "--url", server.url)
    assert (status, errors) == (0, "")
    path = tmp_path / "keras" / "models" / FILE
    assert path == keras_cache() / FILE
    assert path.read_bytes() == CONTENT
    assert f"{path}, {len(CONTENT):,} bytes" in output
    assert SHA256 in output
    assert model_table(output) == {"backbone": "EfficientNetB7", "weights": "imagenet"}
    # The very check that a run makes before it starts.
    assert imagenet_weights_problem("EfficientNetB7", "imagenet") is None
    status, output, _ = galmorph("EfficientNetB7", "--url", server.url)
    assert status == 0
    assert "already there" in output
    assert len(server.asked) == 1


def test_into_a_folder(galmorph, server, tmp_path):
    server.on(f"/{FILE}", answer(CONTENT))
    folder = tmp_path / 'odd "folder"'
    status, output, _ = galmorph("EfficientNetB7", "--url", server.url, "--out", folder, "--sha256", SHA256)
    assert status == 0
    assert model_table(output) == {
        "backbone": "EfficientNetB7",
        "weights": str(folder / FILE),
        "weights_sha256": SHA256,
    }
    assert not (tmp_path / "keras").exists()


def test_the_published_address_is_asked_without_a_mirror(galmorph, monkeypatch):
    asked = []

    def refuse(address, file, folder, **options):
        asked.append((address, file))
        raise FetchError("enough")

    monkeypatch.setattr(weights, "fetch_weights", refuse)
    assert galmorph("EfficientNetB7")[0] == 2
    assert asked == [("https://storage.googleapis.com/keras-applications/", FILE)]


def test_lite_needs_no_download(galmorph, server):
    status, output, errors = galmorph("EfficientNetLite2", "--url", server.url)
    assert (status, errors) == (0, "")
    assert "installed package" in output
    assert model_table(output) == {"backbone": "EfficientNetLite2", "weights": "imagenet"}
    assert server.asked == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("TinyConv",), "TinyConv has no ImageNet weights"),
        (("efficientnet-b7",), "unknown backbone 'efficientnet-b7'; did you mean 'EfficientNetB7'?"),
        (("EfficientNetB7", "--url", "ftp://host/"), "https://"),
        (("EfficientNetB7", "--sha256", "x"), "64 hexadecimal digits"),
        (("EfficientNetB7", "--url", "SERVER", "--retries", 0), "HTTP 404 Not Found"),
        (("EfficientNetB7", "--url", "NOWHERE", "--retries", 0), "127.0.0.1 cannot be reached"),
    ],
)
def test_bad_input_is_one_line_and_status_2(galmorph, server, nowhere, arguments, message):
    named = {"SERVER": server.url, "NOWHERE": nowhere}
    status, output, errors = galmorph(*(named.get(part, part) for part in arguments))
    assert (status, output) == (2, "")
    assert errors.startswith("galmorph: ")
    assert errors.count("\n") == 1
    assert message in errors


def test_ctrl_c(server, tmp_path):
    def trickle(handler):
        handler.send_response(200)
        handler.send_header("ETag", '"1"')
        handler.end_headers()
        try:
            for _ in range(400):
                handler.wfile.write(b"x" * 65536)
                time.sleep(0.05)
        except OSError:
            pass

    server.default = [trickle]
    command = [
        sys.executable,
        "-m",
        "pipeline.cli",
        "fetch",
        "weights",
        "EfficientNetB0",
        "--url",
        server.url,
    ]
    process = subprocess.Popen(
        [*command, "--out", str(tmp_path)],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ,
    )
    begun = time.monotonic()
    while not list(tmp_path.glob("*.part")) and time.monotonic() < begun + 20:
        time.sleep(0.02)
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=20)
    assert process.returncode == 130, errors
    assert "interrupted" in output
    assert "Traceback" not in errors
    assert (tmp_path / "efficientnetb0_notop.h5.part").stat().st_size > 0
    assert not (tmp_path / "efficientnetb0_notop.h5").exists()
