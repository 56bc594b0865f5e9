"""Fetch a published file of weights, and verify its checksum."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from fetch.download import check_address, check_sha256, download, sha256_of
from fetch.errors import ChecksumError, DownloadError, FetchError
from fetch.manifest import folder_lock
from fetch.retry import Patience
from fetch.transfer import Progress

MAX_WEIGHTS_BYTES = 2**30  # EfficientNetB7 has 258 MB


@dataclass(frozen=True)
class FetchedWeights:
    """A downloaded file of weights with the published checksum.

    Attributes
    ----------
    path : Path
    bytes : int
    sha256 : str
    fetched : bool
        Whether it was downloaded now; False if it existed already.
    """

    path: Path
    bytes: int
    sha256: str
    fetched: bool


def fetch_weights(
    address: str,
    file: str,
    folder: Path,
    *,
    md5: str,
    sha256: str | None = None,
    patience: Patience | None = None,
    progress: Progress | None = None,
) -> FetchedWeights:
    """Fetch a file of weights, unless it exists already.

    Parameters
    ----------
    address : str
        URL of the folder with the file, at the publisher or at a mirror.
    file : str
        Name of the file.
    folder : Path
        Gets the file.
    md5 : str
        Published MD5 of the file.
    sha256 : str, optional
        Expected SHA-256, checked in addition: MD5 detects damage, but not manipulation.
    patience : Patience, optional
    progress : callable, optional

    Returns
    -------
    FetchedWeights

    Raises
    ------
    FetchError
    """
    check_sha256(sha256)
    url = f"{address.rstrip('/')}/{file}"
    check_address(url)
    path = folder / file

    def check(candidate: Path) -> None:
        digest = _md5_of(candidate)
        if digest != md5:
            raise ChecksumError(f"it has MD5 {digest}, not {md5} as published")

    with folder_lock(folder):
        try:
            if path.exists():
                return FetchedWeights(path, path.stat().st_size, _look(path, md5, sha256), fetched=False)
            came = download(
                url,
                path,
                max_bytes=MAX_WEIGHTS_BYTES,
                sha256=sha256,
                check=check,
                patience=patience,
                progress=progress,
            )
        except DownloadError as error:
            raise FetchError(f"{file} could not be downloaded: {error.message}") from error
        except OSError as error:
            raise FetchError(f"{error.filename or path} cannot be written: {error.strerror}") from error
    return FetchedWeights(path, came.bytes, came.sha256, fetched=True)


def _look(path: Path, md5: str, sha256: str | None) -> str:
    """Return the SHA-256 of an existing file; raise `FetchError` if it is not the right one."""
    if not path.is_file():
        raise FetchError(f"{path} exists, but is not a file")
    found, digest = _md5_of(path), sha256_of(path)
    # Not replaced, because it may be the user's own weights under the published name.
    if found != md5:
        raise FetchError(
            f"{path} exists, but has MD5 {found}, not {md5} as published: it is incomplete, or holds other "
            "weights; move it away to fetch it again"
        )
    if sha256 is not None and digest != sha256.lower():
        raise FetchError(f"{path} exists, but has SHA-256 {digest}, not {sha256.lower()} as in --sha256")
    return digest


def _md5_of(path: Path) -> str:
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "md5").hexdigest()
