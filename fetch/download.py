"""One file over HTTP, checked, and under its name only when it is whole."""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from urllib.parse import urlsplit

from fetch.errors import ChecksumError, DownloadError, FetchError
from fetch.retry import Patience
from fetch.transfer import Progress, discard, download_part, new_session, part_of, put_in_place


@dataclass(frozen=True)
class Download:
    """A file that came.

    Attributes
    ----------
    path : Path
    bytes : int
    sha256 : str
        In hexadecimal digits.
    attempts : int
    """

    path: Path
    bytes: int
    sha256: str
    attempts: int


def check_address(url: str) -> None:
    """Refuse an address that is none of HTTP.

    Raises
    ------
    FetchError
    """
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        usable = False
    if not usable:
        raise FetchError(f"{url!r} is not an address that begins with https:// or http://")


def check_sha256(digest: str | None) -> None:
    """Refuse a checksum that was given and is none.

    Raises
    ------
    FetchError
    """
    if digest is not None and not re.fullmatch(r"[0-9a-fA-F]{64}", digest):
        raise FetchError(f"--sha256 {digest!r} is not 64 hexadecimal digits")


def download(
    url: str,
    target: Path,
    *,
    max_bytes: int,
    sha256: str | None = None,
    check: Callable[[Path], None] | None = None,
    patience: Patience | None = None,
    stop: Event | None = None,
    progress: Progress | None = None,
) -> Download:
    """Bring one file.

    Parameters
    ----------
    url : str
    target : Path
        Appears, or is replaced, when everything is there and found right.
    max_bytes : int
        A larger file is refused, however much of it the server sends.
    sha256 : str, optional
        What it must be.
    check : callable, optional
        Raises `DownloadError` if the file at the path that it is given is not what was wanted.
    patience : Patience, optional
    stop : threading.Event, optional
        Ends the download when set.
    progress : callable, optional

    Returns
    -------
    Download

    Raises
    ------
    DownloadError
        What came before the connection broke stays in ``<target>.part``; the next call goes on from there.
    Stopped
    OSError
        If the file cannot be written.
    """
    part = part_of(target)
    patience, stop = patience or Patience(), stop or Event()
    with new_session() as session:
        attempts = download_part(
            url,
            part,
            session=session,
            max_bytes=max_bytes,
            patience=patience,
            stop=stop,
            progress=progress,
        )
    try:
        digest = sha256_of(part)
        if sha256 is not None and digest != sha256.lower():
            raise ChecksumError(f"what came has SHA-256 {digest}, not {sha256.lower()}")
        if check is not None:
            check(part)
    except DownloadError as error:
        error.attempts = attempts
        discard(part)
        raise
    size = part.stat().st_size
    put_in_place(part, target)
    return Download(target, size, digest, attempts)


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
