"""Watch the folder of the versions: load new ones, and serve the newest that can be loaded."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import grpc
import tensorflow as tf
from tensorflow_serving.apis.get_model_status_pb2 import ModelVersionStatus

from evaluation.formats.exported_model import MODEL_NAME
from serving.embedded.errors import ServingError, from_tensorflow
from serving.embedded.version import LoadedVersion
from serving.published import ModelError, find_model, is_version, published_versions

STABLE, CANARY = "stable", "canary"
"""Labels of versions. Both are the newest version, unless two are served; then the older one is stable."""

_REMEMBERED = 20  # versions in the status that are no longer served
_LOG = logging.getLogger(__name__)
Files = tuple[tuple[str, int, int], ...]


@dataclass(frozen=True)
class VersionState:
    """What the status says of a version.

    Attributes
    ----------
    state : int
        One of ``ModelVersionStatus.State``.
    code : grpc.StatusCode
    message : str
        Why it is not served, or empty.
    """

    state: int
    code: grpc.StatusCode = grpc.StatusCode.OK
    message: str = ""


@dataclass(frozen=True)
class _Known:
    files: Files
    loaded: LoadedVersion | None  # None if it could not be loaded


class Versions:
    """The versions that are served.

    Parameters
    ----------
    folder : Path
        Folder of the versions, or of one version, which then is the only one.
    served : int
        How many of the newest versions are served: 1, or 2 for ``stable`` and ``canary``.
    load : callable
        Loads the version in a folder under a number.

    Raises
    ------
    ModelError
        If there is no version that can be loaded.
    """

    def __init__(
        self,
        folder: Path,
        served: int = 1,
        load: Callable[[Path, int], LoadedVersion] = LoadedVersion,
    ) -> None:
        self._folder, self._count, self._load = folder, served, load
        self._single = is_version(folder)
        self._known: dict[int, _Known] = {}
        self._states: dict[int, VersionState] = {}
        self._served: tuple[LoadedVersion, ...] = ()  # replaced as a whole, newest first
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self.poll()
        if not self._served:
            find_model(folder)  # says what is wrong with the folder
            reasons = [f"version {number}: {state.message}" for number, state in self.states.items()]
            raise ModelError(f"{folder}: no version can be loaded; {'; '.join(reasons[:3])}")

    def watch(self, interval: float) -> None:
        """Look for new and withdrawn versions every so many seconds, in a thread."""
        self._thread = threading.Thread(target=self._watch, args=(interval,), name="versions", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the thread of `watch`; a version that is being loaded is waited for."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    @property
    def states(self) -> dict[int, VersionState]:
        """State of each version, newest first."""
        return dict(sorted(self._states.items(), reverse=True))

    @property
    def newest(self) -> LoadedVersion:
        """The version that answers unless a request names one."""
        return self._served[0]

    def find(self, number: int | None = None, label: str = "") -> LoadedVersion:
        """Return a version that is served, by its number or label; the newest for neither.

        Raises
        ------
        ServingError
            ``NOT_FOUND`` or, for an unknown label, ``INVALID_ARGUMENT``.
        """
        served = self._served
        if label:
            if label not in (STABLE, CANARY):
                raise ServingError(
                    grpc.StatusCode.INVALID_ARGUMENT,
                    f"Unrecognized servable version label: {label}; there are {STABLE} and {CANARY}",
                )
            return served[0] if label == CANARY else served[-1]
        if number is None:
            return served[0]
        for version in served:
            if version.number == number:
                return version
        numbers = ", ".join(str(version.number) for version in served)
        raise ServingError(
            grpc.StatusCode.NOT_FOUND,
            f"Servable not found for request: Specific({MODEL_NAME}, {number}); served: {numbers}",
        )

    def poll(self) -> None:
        """Look at the folder once. What was served goes on being served until its successor is loaded."""
        wanted: list[LoadedVersion] = []
        folders = self._folders()
        for number, folder in folders.items():
            if (version := self._loaded(number, folder)) is not None:
                wanted.append(version)
            if len(wanted) == self._count:
                break
        if wanted:
            gone = {version.number for version in self._served} - {version.number for version in wanted}
            self._served = tuple(wanted)
            for number in gone:
                _LOG.info("version %d is no longer served", number)
                self._states[number] = VersionState(ModelVersionStatus.END)
        self._forget(set(folders))

    def _forget(self, there: set[int]) -> None:
        served = {version.number for version in self._served}
        for number in [number for number, known in self._known.items() if number not in served]:
            # Versions that failed are remembered, so that they are not loaded again and again.
            if self._known[number].loaded is not None or number not in there:
                del self._known[number]
        ended = sorted(number for number in self._states if number not in served)
        for number in ended[:-_REMEMBERED]:
            del self._states[number]

    def _watch(self, interval: float) -> None:
        while not self._stop.wait(interval):
            try:
                self.poll()
            except Exception:
                _LOG.exception("%s cannot be watched; the server goes on with what it has", self._folder)

    def _folders(self) -> dict[int, Path]:
        """Return the folders of the versions, newest first."""
        if self._single:
            name = self._folder.absolute().name
            return {int(name) if name.isdecimal() else 1: self._folder}
        numbers = published_versions(self._folder)
        folders = {number: self._folder / str(number) for number in reversed(numbers)}
        return {number: folder for number, folder in folders.items() if folder.is_dir()}

    def _loaded(self, number: int, folder: Path) -> LoadedVersion | None:
        try:
            files = _files(folder)
        except OSError:
            return None  # withdrawn in this moment
        known = self._known.get(number)
        if known is not None and known.files == files:
            return known.loaded
        # If the files of a version that is served change, the one in memory answers until they are loaded.
        earlier = next((version for version in self._served if version.number == number), None)
        if earlier is None:
            self._states[number] = VersionState(ModelVersionStatus.LOADING)
        _LOG.info("loading version %d", number)
        try:
            version = self._load(folder, number)
        except Exception as error:
            code, message = _cause(error)
            _LOG.error("version %d cannot be loaded: %s", number, message)
            self._known[number] = _Known(files, earlier)
            if earlier is None:
                self._states[number] = VersionState(ModelVersionStatus.END, code, message)
            return earlier
        self._known[number] = _Known(files, version)
        self._states[number] = VersionState(ModelVersionStatus.AVAILABLE)
        _LOG.info("version %d is ready", number)
        return version


def _files(folder: Path) -> Files:
    """Return names, sizes and times of the files of a version, by which a change is noticed."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    stats = [(path, path.stat()) for path in paths]
    return tuple((str(path.relative_to(folder)), stat.st_size, stat.st_mtime_ns) for path, stat in stats)


def _cause(error: Exception) -> tuple[grpc.StatusCode, str]:
    if isinstance(error, tf.errors.OpError):
        error = from_tensorflow(error)
    if isinstance(error, ServingError):
        return error.code, error.message
    text = " ".join(str(error).split()) or type(error).__name__
    return grpc.StatusCode.INTERNAL, text[:500]
