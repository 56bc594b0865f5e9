"""One stamp of one object: found there and whole, or fetched, checked and put in its place."""

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
from preprocessing.stamps import StampError, read_image, stamp_path

MAX_STAMP_BYTES = 2**28
"""`galmorph run` reads no larger stamp (256 MiB)."""

_UNNAMEABLE = {errno.ENAMETOOLONG, errno.EILSEQ, errno.EINVAL}


class StampSource(Protocol):
    """Where stamps come from."""

    @property
    def host(self) -> str:
        """Who is asked."""

    def fetch(self, target: Target, band: str, part: Path, stop: Event) -> int:
        """Write one stamp.

        Parameters
        ----------
        target : Target
        band : str
            One of `preprocessing.bands.BANDS`.
        part : Path
            File to write. What an earlier attempt left there may be continued.
        stop : threading.Event
            Set when all must stop.

        Returns
        -------
        int
            Attempts made.

        Raises
        ------
        DownloadError
            If this stamp does not come.
        Stopped
        OSError
            If the file cannot be written.
        """


class Outcome(NamedTuple):
    """What became of one stamp; `cause` where it was asked for in vain."""

    entry: Entry
    cause: Cause | None = None


def stamp_template(folder: Path) -> str:
    """Return the path template of the stamps in a folder."""
    return f"{folder}/{{band}}_stamps/{{name}}_{{band}}.fits"


class StampFetcher:
    """Does one stamp at a time, in any thread.

    Parameters
    ----------
    folder : Path
        Holds ``{band}_stamps/``.
    source : StampSource
    known : mapping
        Entries of the manifest by name and band.
    size : int
        Side asked for [pixels].
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
        """Do one stamp.

        Raises
        ------
        Stopped
        OSError
            If nothing can be written any more.
        """
        target, band = job
        entry = Entry(target.name, band, "", FAILED, message=target.problem, time=now())
        if target.problem:
            return Outcome(entry)
        try:
            path = stamp_path(stamp_template(self._folder), target.name, band)
            entry = entry._replace(file=str(path.relative_to(self._folder)))
            if path.exists() and not path.is_file():
                raise StampError("not_a_file", path, "something that is no file is in the way")
            return Outcome(self._there(path, entry) or self._bring(path, entry, target))
        except StampError as error:
            return Outcome(entry._replace(message=error.message))
        except DownloadError as error:
            failed = entry._replace(message=error.message, attempts=error.attempts, time=now())
            return Outcome(failed, error.cause)
        except OSError as error:
            if error.errno not in _UNNAMEABLE:
                raise
            return Outcome(entry._replace(message=f"no file can have this name: {error.strerror}"))

    def _there(self, path: Path, entry: Entry) -> Entry | None:
        """Return the entry of a stamp that need not be fetched: known byte for byte, or found readable."""
        if not path.exists():
            return None
        size = path.stat().st_size
        known = self._known.get((entry.name, entry.band))
        # Reading it as FITS, five times as slow, is for files of which nothing is known.
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
        """Return what is odd about a stamp that came; raise `DownloadError` if it is none."""
        with open(part, "rb") as stream:
            start = stream.read(512).lstrip().lower()
        if start.startswith((b"<!doctype html", b"<html")):
            raise DownloadError("a web page came instead of a FITS file: a login page?", Cause.REFUSED)
        try:
            image, _ = read_image(part)
        except StampError as error:
            raise DownloadError(error.message) from error
        (height, width), asked = image.shape, self._size
        return "" if height == width == asked else f"{width} x {height} pixels, {asked} asked for"
