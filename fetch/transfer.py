"""Download the bytes of one file over HTTP, resuming after interruptions."""

import hashlib
import json
import os
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from threading import Event
from typing import NoReturn
from urllib.parse import urlsplit

import requests
from urllib3.exceptions import HTTPError, NewConnectionError

from fetch.errors import Cause, DownloadError, Stopped, TransientError
from fetch.retry import Patience, status_error, with_retries

Progress = Callable[[int, int | None], None]
"""Called with the number of downloaded bytes, and the total number if it is known."""

_CHUNK = 2**16


def new_session() -> requests.Session:
    """Return a session with a user agent; it must not be shared between threads."""
    session = requests.Session()
    try:
        session.headers["User-Agent"] = f"galmorph/{version('galmorph')}"
    except PackageNotFoundError:  # run from a source tree that is not installed
        session.headers["User-Agent"] = "galmorph"
    # With compression in transit, sizes and ranges would not refer to the bytes of the file.
    session.headers["Accept-Encoding"] = "identity"
    return session


def part_of(target: Path) -> Path:
    """Return the path of a partial download."""
    return target.with_name(f"{target.name}.part")


def put_in_place(part: Path, target: Path) -> None:
    """Rename a complete download to its final name, atomically."""
    os.replace(part, target)
    discard(part)


def discard(part: Path) -> None:
    """Remove a partial download and its notes."""
    part.unlink(missing_ok=True)
    _note_of(part).unlink(missing_ok=True)


def download_part(
    url: str,
    part: Path,
    *,
    session: requests.Session,
    max_bytes: int,
    patience: Patience,
    stop: Event,
    progress: Progress | None = None,
) -> int:
    """Download the bytes of one file, with retries.

    Parameters
    ----------
    url : str
    part : Path
        Contains the bytes when this returns. An existing part is resumed if the server supports this and
        still has the same file.
    session : requests.Session
    max_bytes, patience, stop, progress
        As for `fetch.download.download`.

    Returns
    -------
    int
        Number of attempts.

    Raises
    ------
    DownloadError, Stopped, OSError
        As `fetch.download.download`.
    """
    transfer = _Transfer(url, part, session, max_bytes, patience, stop, progress)
    try:
        return with_retries(transfer.attempt, patience, stop)[1]
    except TransientError:
        raise
    except DownloadError:
        discard(part)
        raise


@dataclass(frozen=True)
class _Transfer:
    url: str
    part: Path
    session: requests.Session
    max_bytes: int
    patience: Patience
    stop: Event
    progress: Progress | None

    def attempt(self) -> None:
        held, validator = _held(self.part, self.url)
        headers = {"Range": f"bytes={held}-", "If-Range": validator} if held else {}
        patience = self.patience
        timeouts = (patience.connect_timeout, patience.read_timeout)
        try:
            with self.session.get(self.url, headers=headers, stream=True, timeout=timeouts) as response:
                if self.url.startswith("https:") and not response.url.startswith("https:"):
                    raise DownloadError("the server redirects from https to an unencrypted URL")
                status, (begin, total) = response.status_code, _range_of(response)
                if status == requests.codes.requested_range_not_satisfiable and held:
                    if total == held:  # killed between the last byte and the renaming
                        return
                    self._start_over()
                if status == requests.codes.partial_content:
                    if begin != held or _validator(response) not in (None, validator):
                        self._start_over()
                    self._receive(response, held, total)
                elif status == requests.codes.ok:
                    length = response.headers.get("Content-Length", "")
                    self._receive(response, 0, int(length) if length.isdecimal() else None)
                else:
                    raise status_error(status, response.headers.get("Retry-After"), patience)
        except (requests.RequestException, HTTPError) as error:
            raise _network_error(error, self.url, patience) from error

    def _start_over(self) -> NoReturn:
        discard(self.part)
        raise TransientError("the file has changed on the server since the download began")

    def _receive(self, response: requests.Response, size: int, total: int | None) -> None:
        if total is not None:
            self._check_size(total)
        deadline = time.monotonic() + self.patience.longest_transfer
        with open(self.part, "ab" if size else "wb") as file:
            if not size:
                # After the file was emptied, so that old bytes never get the validator of new ones.
                _note(self.part, self.url, _validator(response))
            # Not decoded, because some servers send a stored .csv.gz with a Content-Encoding.
            for chunk in response.raw.stream(_CHUNK, decode_content=False):
                size += len(chunk)
                self._check_size(size)
                file.write(chunk)
                if self.stop.is_set():
                    raise Stopped
                if time.monotonic() > deadline:
                    raise TransientError(f"not finished after {self.patience.longest_transfer:.0f} s")
                if self.progress is not None:
                    self.progress(size, total)
            file.flush()
            os.fsync(file.fileno())
        if total is not None and size != total:
            raise TransientError(f"only {size:,} of {total:,} bytes were received")

    def _check_size(self, size: int) -> None:
        if size > self.max_bytes:
            raise DownloadError(f"larger than the limit of {self.max_bytes:,} bytes")


def _range_of(response: requests.Response) -> tuple[int | None, int | None]:
    header = response.headers.get("Content-Range", "").strip()
    match = re.fullmatch(r"bytes (?:(\d+)-\d+|\*)/(\d+|\*)", header)
    if match is None:
        return None, None
    begin, total = (int(text) if text and text.isdecimal() else None for text in match.groups())
    return begin, total


def _validator(response: requests.Response) -> str | None:
    """Return the validator of the content: a strong ETag, or else the modification date."""
    tag = response.headers.get("ETag", "")
    return tag if tag and not tag.startswith("W/") else response.headers.get("Last-Modified")


def _note_of(part: Path) -> Path:
    return part.with_name(f"{part.name}.json")


def _note(part: Path, url: str, validator: str | None) -> None:
    # The URL may contain a token, so only its digest is stored.
    note = {"address": hashlib.sha256(url.encode()).hexdigest(), "validator": validator}
    _note_of(part).write_text(json.dumps(note), encoding="utf-8")


def _held(part: Path, url: str) -> tuple[int, str]:
    """Return the number of bytes of the existing part, and the validator of its content."""
    try:
        size = part.stat().st_size
        note = json.loads(_note_of(part).read_text(encoding="utf-8"))
        ours = note["address"] == hashlib.sha256(url.encode()).hexdigest()
        validator = note["validator"]
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return 0, ""
    return (size, validator) if ours and isinstance(validator, str) else (0, "")


def _network_error(error: Exception, url: str, patience: Patience) -> DownloadError:
    host = urlsplit(url).hostname
    reason = getattr(error.args[0], "reason", None) if error.args else None
    if isinstance(error, requests.exceptions.SSLError):
        return DownloadError(f"the certificate of {host} is not accepted", Cause.UNREACHABLE)
    if isinstance(error, requests.exceptions.ProxyError):
        return TransientError("the proxy cannot be reached", Cause.UNREACHABLE)
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return TransientError(f"no connection to {host} in {patience.connect_timeout:g} s", Cause.UNREACHABLE)
    if isinstance(reason, NewConnectionError):
        detail = getattr(reason.__cause__, "strerror", None) or "no connection"
        return TransientError(f"{host} cannot be reached: {detail}", Cause.UNREACHABLE)
    if isinstance(error, requests.exceptions.TooManyRedirects):
        return DownloadError("the server redirects in a circle")
    if isinstance(error, requests.exceptions.InvalidHeader):
        return TransientError("the server's answer is not valid")
    if isinstance(error, ValueError):  # the family of InvalidURL, InvalidSchema and the like
        return DownloadError("the URL, or one that the server redirects to, is not an HTTP URL")
    if isinstance(error, requests.exceptions.Timeout) or "timed out" in str(error).lower():
        return TransientError(f"no data for {patience.read_timeout:g} s")
    return TransientError("the connection broke")
