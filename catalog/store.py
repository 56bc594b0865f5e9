"""Files of a catalogue that is being made: in a folder, or in an object store."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from catalog.errors import CatalogError
from preprocessing.locations import is_uri
from preprocessing.whole_files import replacing, write_whole


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
    def writing(self, name: str) -> Iterator[BinaryIO]:
        """Context with a stream to write a large file; `CatalogError` as with `write`."""
        path = f"{self.place}/{name}"
        try:
            if self.is_remote:
                with self._system.open(path, "wb") as stream:
                    yield stream
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

    def open(self, name: str) -> BinaryIO:
        """Open a file to read parts of it; exceptions as those of `read`."""
        path = f"{self.place}/{name}"
        try:
            stream: BinaryIO = (self._system.open if self.is_remote else open)(path, "rb")
        except FileNotFoundError:
            raise
        except Exception as error:
            raise CatalogError(f"{path} cannot be read: {_cause(error)}") from error
        return stream

    def exists(self, name: str) -> bool:
        """Return whether there is a file."""
        path = f"{self.place}/{name}"
        try:
            return bool(self._system.exists(path)) if self.is_remote else os.path.exists(path)
        except Exception as error:
            raise CatalogError(f"{path} cannot be read: {_cause(error)}") from error

    def names(self, folder: str) -> set[str]:
        """Return the names of the whole files in a folder; empty if there is no such folder."""
        path = f"{self.place}/{folder}"
        try:
            if self.is_remote:
                found = [str(name).rsplit("/", 1)[-1] for name in self._system.ls(path, detail=False)]
            else:
                found = os.listdir(path)
        except FileNotFoundError:
            return set()
        except Exception as error:
            raise CatalogError(f"{path} cannot be listed: {_cause(error)}") from error
        return {name for name in found if not name.startswith(".")}

    def remove(self) -> None:
        """Remove all files and the folder."""
        import shutil

        try:
            if not self.is_remote:
                shutil.rmtree(self.place)
            elif self._system.exists(self.place):
                self._system.rm(self.place, recursive=True)
        except FileNotFoundError:
            pass
        except Exception as error:
            raise CatalogError(f"{self.place} cannot be removed: {_cause(error)}") from error

    @property
    def _system(self) -> Any:
        import fsspec

        # Not cached: another process writes, too.
        return fsspec.filesystem(self.place.partition("://")[0], use_listings_cache=False)


def _cause(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return " ".join(str(error).split()) or type(error).__name__
