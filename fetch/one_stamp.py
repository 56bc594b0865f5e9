"""Fetch one stamp of one object, unless a valid file exists already."""

import errno
from collections.abc import Mapping
from pathlib import Path
from threading import Event
from typing import NamedTuple, Protocol

from fetch.download import sha256_of
from fetch.errors import Cause, DownloadError
from fetch.manifest import FAILED, FETCHED, PRESENT, Entry, now
from fetch.targets import Target
from fetch.transfer import discard, part_of, put_in_place
from preprocessing.fits.files import StampError
from preprocessing.fits.reading import read_image
from preprocessing.stamp_paths import stamp_path

MAX_STAMP_BYTES = 2**28
"""Largest stamp that `galmorph run` reads (256 MiB)."""

_UNNAMEABLE = {errno.ENAMETOOLONG, errno.EILSEQ, errno.EINVAL}


class StampSource(Protocol):
    """A source of stamps."""

    @property
    def host(self) -> str:
        """Host of the source."""

    def fetch(self, target: Target, band: str, part: Path, stop: Event) -> int:
        """Download one stamp to a file.

        Parameters
        ----------
        target : Target
        band : str
            One of `preprocessing.bands.BANDS`.
        part : Path
            File to write. The part of an earlier attempt may be resumed.
        stop : threading.Event
            Set when all downloads must stop.

        Returns
        -------
        int
            Number of attempts.

        Raises
        ------
        DownloadError
            If the download of this stamp fails.
        Stopped
        OSError
            If the file cannot be written.
        """


class Outcome(NamedTuple):
    """The result for one stamp, with the cause of a failed request."""

    entry: Entry
    cause: Cause | None = None


def stamp_template(folder: Path) -> str:
    """Return the path template of the stamps in a folder."""
    return f"{folder}/{{band}}_stamps/{{name}}_{{band}}.fits"


class StampFetcher:
    """Fetches one stamp at a time; safe to use from threads.

    Parameters
    ----------
    folder : Path
        Contains ``{band}_stamps/``.
    source : StampSource
    known : mapping
        Entries of the manifest by name and band.
    size : int
        Side of the stamps to request [pixels].
    stop : threading.Event
    """

    def __init__(
        self,
        folder: Path,
        source: StampSource,
        known: Mapping[tuple[str, str], Entry],
        size: int,
        stop: Event,
    ) -> None:
        self._folder, self._source, self._known, self._size, self._stop = folder, source, known, size, stop

    def fetch(self, job: tuple[Target, str]) -> Outcome:
        """Fetch one stamp.

        Raises
        ------
        Stopped
        OSError
            If the file cannot be written.
        """
        target, band = job
        entry = Entry(target.name, band, "", FAILED, message=target.problem, time=now())
        if target.problem:
            return Outcome(entry)
        try:
            path = stamp_path(stamp_template(self._folder), target.name, band)
            entry = entry._replace(file=str(path.relative_to(self._folder)))
            if path.exists() and not path.is_file():
                raise StampError("not_a_file", path, "the path exists, but is not a regular file")
            return Outcome(self._there(path, entry) or self._bring(path, entry, target))
        except StampError as error:
            return Outcome(entry._replace(message=error.message))
        except DownloadError as error:
            failed = entry._replace(message=error.message, attempts=error.attempts, time=now())
            return Outcome(failed, error.cause)
        except OSError as error:
            if error.errno not in _UNNAMEABLE:
                raise
            return Outcome(entry._replace(message=f"not a possible file name: {error.strerror}"))

    def _there(self, path: Path, entry: Entry) -> Entry | None:
        """Return the entry of an existing file, if it has the SHA-256 of the manifest or is readable."""
        if not path.exists():
            return None
        size = path.stat().st_size
        known = self._known.get((entry.name, entry.band))
        # Reading it as FITS is five times as slow, so it is done only for files that are not in the manifest.
        if known is not None and known.bytes == size and known.sha256 == sha256_of(path):
            return known._replace(status=PRESENT, file=entry.file, attempts=0)
        try:
            read_image(path)
        except StampError:
            return None
        return entry._replace(status=PRESENT, bytes=size, sha256=sha256_of(path))

    def _bring(self, path: Path, entry: Entry, target: Target) -> Entry:
        part = part_of(path)
        attempts = self._source.fetch(target, entry.band, part, self._stop)
        try:
            message = self._check(part)
        except DownloadError as error:
            error.attempts = attempts
            discard(part)
            raise
        size, digest = part.stat().st_size, sha256_of(part)
        put_in_place(part, path)
        return entry._replace(
            status=FETCHED, bytes=size, sha256=digest, message=message, attempts=attempts, time=now()
        )

    def _check(self, part: Path) -> str:
        """Return a warning about a downloaded stamp, or ""; raise `DownloadError` if it is not a stamp."""
        with open(part, "rb") as stream:
            start = stream.read(512).lstrip().lower()
        if start.startswith((b"<!doctype html", b"<html")):
            raise DownloadError("the server sent a web page (a login page?), not a FITS file", Cause.REFUSED)
        try:
            image, _ = read_image(part)
        except StampError as error:
            raise DownloadError(error.message) from error
        (height, width), asked = image.shape, self._size
        return "" if height == width == asked else f"{width} x {height} pixels instead of {asked} x {asked}"
