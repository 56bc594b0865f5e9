"""Read the files of stamps; those of an object store several at a time, ahead of their use."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from threading import Event

from preprocessing.fits.files import StampError, no_such_file, read_bytes, read_remote, unpacked
from preprocessing.locations import Location, Remote, is_uri
from preprocessing.stamp_paths import find_stamp, possible_stamps, stamp_location, stamp_path, usual_spelling
from preprocessing.storage import CONNECTIONS, read_object
from preprocessing.storage_errors import ObjectUnavailable

AHEAD_OBJECTS = 48
"""Objects of a store that are read ahead."""
AHEAD_BYTES = 2**23
"""Largest file that is read ahead, so that memory is bounded; larger ones are read at use."""

ReadBand = Callable[[str], tuple[Location, bytes]]
"""Returns location and unpacked content of the file of a band of one object, or raises `StampError`."""


def read_stamp(template: str, name: str, band: str) -> tuple[Location, bytes]:
    """Read the file of a band of an object.

    Parameters
    ----------
    template : str
        Path or URI with ``{name}`` and, unless files hold all bands, ``{band}``.
    name : str
    band : str
        One of `preprocessing.bands.BANDS`, whatever its spelling in the file name; ignored for cubes.

    Returns
    -------
    location : Path or Remote
    content : bytes
        Unpacked if it is gzip or bzip2.

    Raises
    ------
    StampError
        ``bad_name``, or as in `preprocessing.fits.files.read_bytes`.
    StorageError
        If an object store cannot be read.
    """
    if not is_uri(template):
        path = find_stamp(template, name, band) if "{band}" in template else stamp_path(template, name, "")
        return path, read_bytes(path)
    file, content = _fetch(template, name, band, read_remote)
    return file, unpacked(content, file)


def read_ahead(template: str, bands: Sequence[str], names: Iterable[str]) -> Iterator[ReadBand]:
    """Yield for each object what reads its files.

    Parameters
    ----------
    template : str
    bands : sequence of str
        Bands that will be read, in this order.
    names : iterable of str

    Yields
    ------
    callable
        A file on a disk is read when the callable asks for it. From an object store, up to `AHEAD_OBJECTS`
        objects are read ahead in threads, because each request waits tens of milliseconds.
    """
    if not is_uri(template):
        for name in names:
            yield partial(read_stamp, template, name)
        return
    stop, waiting, ahead = Event(), iter(names), deque[Future[_Fetched]]()
    pool = ThreadPoolExecutor(CONNECTIONS, thread_name_prefix="stamps")
    try:
        for name in islice(waiting, AHEAD_OBJECTS):
            ahead.append(pool.submit(_fetch_object, template, bands, name, stop))
        while ahead:
            yield ahead.popleft().result().read
            for name in islice(waiting, 1):
                ahead.append(pool.submit(_fetch_object, template, bands, name, stop))
    finally:
        stop.set()
        pool.shutdown(cancel_futures=True)


@dataclass
class _Fetched:
    """The files of one object as they came, or why they did not."""

    template: str
    name: str
    files: dict[str, tuple[Remote, bytes] | StampError] = field(default_factory=dict)

    def read(self, band: str) -> tuple[Location, bytes]:
        """Return location and unpacked content of the file of a band."""
        found = self.files.pop(band, None)
        if isinstance(found, StampError):
            raise found
        if found is None or len(found[1]) > AHEAD_BYTES:
            return read_stamp(self.template, self.name, band)
        return found[0], unpacked(found[1], found[0])


def _fetch_object(template: str, bands: Sequence[str], name: str, stop: Event) -> _Fetched:
    def read(file: Remote) -> bytes:
        try:
            return read_object(file, AHEAD_BYTES, stop)
        except ObjectUnavailable as error:
            raise StampError("unreadable", file, f"cannot be read: {error}") from None

    fetched = _Fetched(template, name)
    for band in bands:
        try:
            fetched.files[band] = _fetch(template, name, band, read)
        except StampError as error:
            fetched.files[band] = error
            break  # the object is a reject
    return fetched


def _fetch(template: str, name: str, band: str, read: Callable[[Remote], bytes]) -> tuple[Remote, bytes]:
    """Read an object; by one request, unless its band is spelled unusually or there is no such object."""
    for spelling, file in possible_stamps(template, name, band):
        assert isinstance(file, Remote)
        try:
            content = read(file)
        except FileNotFoundError:
            continue
        usual_spelling(template, band)[0] = spelling
        return file, content
    raise no_such_file(stamp_location(template, name, band))
