"""Download one file over HTTP and check it; it gets its final name only when it is complete."""

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
    """A downloaded file.

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
    """Refuse a URL that is not HTTP or HTTPS.

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
        raise FetchError(f"{url!r} is not a URL that begins with https:// or http://")


def check_sha256(digest: str | None) -> None:
    """Refuse text that is not a SHA-256; None is accepted.

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
    """Download one file.

    Parameters
    ----------
    url : str
    target : Path
        Is written, or replaced, when the download is complete and checked.
    max_bytes : int
        Larger files are refused.
    sha256 : str, optional
        Expected SHA-256.
    check : callable, optional
        Called with the path of the complete file; raises `DownloadError` to refuse it.
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
        After a broken connection, the downloaded part stays in ``<target>.part``; the next call resumes it.
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
            raise ChecksumError(f"the downloaded file has SHA-256 {digest}, not {sha256.lower()}")
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
