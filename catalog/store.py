"""Files of a catalogue that is being made: in a folder, or in an object store."""

import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, BinaryIO

from catalog.errors import CatalogError
from preprocessing.locations import is_uri
from preprocessing.whole_files import part_of, replacing, write_whole

_AT_ONCE = 16
"""Objects of a store that are removed at once."""


class Store:
    """Named files below one place, which all workers reach.

    Parameters
    ----------
    place : str
        Absolute path of a folder, or a URI (s3://, gs://).

    Notes
    -----
    A file is either whole or absent: in a folder it is renamed when it is complete, and an object store shows
    an object when all its bytes have come.
    """

    def __init__(self, place: str) -> None:
        self.place = place.rstrip("/")

    @property
    def is_remote(self) -> bool:
        """Whether the files lie in an object store."""
        return is_uri(self.place)

    def write(self, name: str, content: bytes) -> None:
        """Write a file; raise `CatalogError` if the disk or the store does not take it."""
        path = f"{self.place}/{name}"
        try:
            if self.is_remote:
                self._system.pipe_file(path, content)
            else:
                write_whole(Path(path), content)
        except Exception as error:  # stores raise exceptions of all kinds
            raise CatalogError(f"{path} cannot be written: {_cause(error)}") from error

    @contextmanager
    def writing(self, name: str) -> Iterator[IO[bytes]]:
        """Context with a stream to write a large file; `CatalogError` as with `write`.

        For an object store the file is written on this machine first: an upload that an exception ends would
        leave its beginning as a whole object.
        """
        path = f"{self.place}/{name}"
        try:
            if self.is_remote:
                with tempfile.NamedTemporaryFile(prefix="galmorph-") as local:
                    yield local
                    local.flush()
                    self._system.put_file(local.name, path)
            else:
                with replacing(Path(path)) as part, part.open("wb") as stream:
                    yield stream
        except CatalogError:
            raise
        except Exception as error:
            raise CatalogError(f"{path} cannot be written: {_cause(error)}") from error

    def read(self, name: str) -> bytes:
        """Return the content of a file.

        Raises
        ------
        FileNotFoundError
            If there is none.
        CatalogError
            If it cannot be read.
        """
        path = f"{self.place}/{name}"
        try:
            if self.is_remote:
                content: bytes = self._system.cat_file(path)
                return content
            return Path(path).read_bytes()
        except FileNotFoundError:
            raise
        except Exception as error:
            raise CatalogError(f"{path} cannot be read: {_cause(error)}") from error

    @contextmanager
    def open(self, name: str) -> Iterator[BinaryIO]:
        """Context with a stream to read parts of a file.

        Raises
        ------
        CatalogError
            If there is no such file, or what is done with the stream fails.
        """
        path = f"{self.place}/{name}"
        try:
            with (self._system.open if self.is_remote else open)(path, "rb") as stream:
                yield stream
        except CatalogError:
            raise
        except FileNotFoundError:
            raise CatalogError(f"{path} is missing: has another command removed it?") from None
        except Exception as error:  # stores raise exceptions of all kinds
            raise CatalogError(f"{path} cannot be read: {_cause(error)}") from error

    def exists(self, name: str) -> bool:
        """Return whether there is a file."""
        path = f"{self.place}/{name}"
        try:
            return bool(self._system.exists(path)) if self.is_remote else os.path.exists(path)
        except Exception as error:
            raise CatalogError(f"{path} cannot be read: {_cause(error)}") from error

    def names(self, folder: str = "") -> set[str]:
        """Return the names in a folder, without hidden ones; empty if there is no such folder."""
        path = f"{self.place}/{folder}".rstrip("/")
        try:
            if self.is_remote:
                found = [str(name).rstrip("/").rsplit("/", 1)[-1] for name in self._listed(path)]
            else:
                found = os.listdir(path)
        except FileNotFoundError:
            return set()
        except Exception as error:
            raise CatalogError(f"{path} cannot be listed: {_cause(error)}") from error
        return {name for name in found if name and not name.startswith(".")}

    def _listed(self, path: str) -> list[str]:
        below = path.partition("://")[2] + "/"
        return [name for name in self._system.ls(path, detail=False) if str(name).startswith(below)]

    def remove(self, names: Iterable[str]) -> None:
        """Remove files, and folders with all that is in them; then the place itself, if it is empty."""
        try:
            for name in names:
                self._remove(f"{self.place}/{name}")
            if not self.is_remote and os.path.isdir(self.place) and not os.listdir(self.place):
                os.rmdir(self.place)
        except Exception as error:
            raise CatalogError(f"{self.place} cannot be removed: {_cause(error)}") from error

    def _remove(self, path: str) -> None:
        if not self.is_remote:
            if os.path.isdir(path) and not os.path.islink(path):
                shutil.rmtree(path)
                return
            for file in (Path(path), part_of(Path(path))):  # a killed command leaves a part
                file.unlink(missing_ok=True)
            return
        # `rm` would take brackets, asterisks and question marks of a name as a pattern.
        key = path.partition("://")[2]
        found = [name for name in self._system.find(path) if name == key or name.startswith(f"{key}/")]
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            list(pool.map(self._system.rm_file, found))

    @property
    def _system(self) -> Any:
        import fsspec

        # Not cached: another process writes, too.
        return fsspec.filesystem(self.place.partition("://")[0], use_listings_cache=False)


def _cause(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return " ".join(str(error).split()) or type(error).__name__
