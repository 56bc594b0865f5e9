"""A published file of weights: fetched once, and known by its checksum."""

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
    """A file of weights that is there and is the published one.

    Attributes
    ----------
    path : Path
    bytes : int
    sha256 : str
    fetched : bool
        Whether it came now; else it was there.
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
    """Bring a file of weights, unless it is there.

    Parameters
    ----------
    address : str
        Of the folder that holds the file: the publisher's, or a mirror's.
    file : str
        Name of the file, there and here.
    folder : Path
        Gets the file.
    md5 : str
        What the publisher says the file is.
    sha256 : str, optional
        What the file must be besides: MD5 shows damage, but no ill will.
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
            raise FetchError(f"{file} did not come: {error.message}") from error
        except OSError as error:
            raise FetchError(f"{error.filename or path} cannot be written: {error.strerror}") from error
    return FetchedWeights(path, came.bytes, came.sha256, fetched=True)


def _look(path: Path, md5: str, sha256: str | None) -> str:
    """Return the SHA-256 of a file that is there, if it is the right one."""
    if not path.is_file():
        raise FetchError(f"{path} is there and is not a file")
    found, digest = _md5_of(path), sha256_of(path)
    # Not replaced unasked: it may be somebody's own weights under the published name.
    if found != md5:
        raise FetchError(
            f"{path} is there, but has MD5 {found}, not {md5} as published: it is not whole, or holds other "
            "weights; move it away to fetch it again"
        )
    if sha256 is not None and digest != sha256.lower():
        raise FetchError(f"{path} is there, but has SHA-256 {digest}, not {sha256.lower()} as --sha256 says")
    return digest


def _md5_of(path: Path) -> str:
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "md5").hexdigest()
