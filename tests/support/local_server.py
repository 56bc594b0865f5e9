"""A server on this machine that answers as it is told, well or badly."""

import io
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler

import numpy as np
from astropy.io import fits

from fetch.retry import Patience

QUICK = Patience(
    retries=4, first_wait=0.01, longest_wait=0.03, longest_asked=5.0, connect_timeout=2.0, read_timeout=2.0
)


@dataclass
class Asked:
    """A request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


Answer = Callable[[BaseHTTPRequestHandler], None]


@dataclass
class LocalServer:
    """Answers of a path are given in turn, the last one for ever; an unknown path is 404."""

    url: str
    answers: dict[str, list[Answer]] = field(default_factory=dict)
    default: list[Answer] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def on(self, path: str, *answers: Answer) -> str:
        self.answers[path] = list(answers)
        return self.url + path

    def next_answer(self, request: Asked) -> Answer:
        with self.lock:
            self.asked.append(request)
            answers = self.answers.get(request.path.partition("?")[0], self.default)
            if not answers:
                return answer(b"no such thing", status=404)
            return answers.pop(0) if len(answers) > 1 else answers[0]


def answer(body: bytes = b"", status: int = 200, **headers: str) -> Answer:
    """A whole answer; headers by name with underscores."""

    def send(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        named = {"Content-Length": str(len(body))}
        named |= {name.replace("_", "-"): value for name, value in headers.items()}
        for name, value in named.items():
            if value:
                handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)

    return send


def with_ranges(body: bytes, tag: str = '"v1"', drop_after: int | None = None) -> Answer:
    """An answer that knows Range and If-Range; it breaks off after so many bytes of what it sends."""

    def send(handler: BaseHTTPRequestHandler) -> None:
        begin = 0
        wanted = handler.headers.get("Range", "")
        if wanted and handler.headers.get("If-Range") == tag:
            begin = int(wanted.removeprefix("bytes=").rstrip("-"))
        if begin and begin >= len(body):
            answer(status=416, Content_Range=f"bytes */{len(body)}")(handler)
            return
        handler.send_response(206 if begin else 200)
        if begin:
            handler.send_header("Content-Range", f"bytes {begin}-{len(body) - 1}/{len(body)}")
        handler.send_header("ETag", tag)
        handler.send_header("Content-Length", str(len(body) - begin))
        handler.end_headers()
        handler.wfile.write(body[begin:][:drop_after])
        handler.wfile.flush()

    return send


def breaking_off(body: bytes, length: int, **headers: str) -> Answer:
    """An answer that promises more bytes than it sends."""
    return answer(body, Content_Length=str(length), **headers)


def endless(handler: BaseHTTPRequestHandler) -> None:
    """An answer without a length that does not end."""
    handler.send_response(200)
    handler.end_headers()
    try:
        while True:
            handler.wfile.write(b"x" * 65536)
    except OSError:
        pass


def stamp_bytes(side: int = 12, value: float = 1.0) -> bytes:
    """A FITS file with one image."""
    stream = io.BytesIO()
    image = np.arange(side * side, dtype=np.float32).reshape(side, side) * value
    fits.PrimaryHDU(image).writeto(stream)
    return stream.getvalue()


class LocalHandler(BaseHTTPRequestHandler):
    local: LocalServer

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        request = Asked(self.command, self.path, dict(self.headers), body)
        self.local.next_answer(request)(self)

    do_POST = do_GET

    def log_message(self, format: str, *args: object) -> None:
        pass
