"""The journal of a prediction: what has been classified so far, in the order of the objects."""

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from serving.predict.errors import PredictError
from serving.predict.outcomes import Outcome, from_line, to_line

SUFFIX = ".partial"


class Journal:
    """A file of one line for each object, after a line that says what is classified, and by which model.

    Parameters
    ----------
    path : Path
    subject : mapping of str to str
        What must be the same for the journal to be continued, by its name in messages; such as the model.

    Attributes
    ----------
    done : int
        Number of objects it holds.

    Raises
    ------
    PredictError
        If the file cannot be used, is of other objects or of another model, or is in use.
    """

    def __init__(self, path: Path, subject: Mapping[str, str]) -> None:
        self.path, self.done = path, 0
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # Not to be truncated before it is locked.
            self._file = open(os.open(path, os.O_RDWR | os.O_CREAT, 0o666), "r+b")  # noqa: SIM115
        except OSError as error:
            raise PredictError(f"{path} cannot be written: {error.strerror or error}") from error
        try:
            self._lock()
            self._begin(subject)
        except OSError as error:
            self.close()
            raise PredictError(f"{path} cannot be written: {error.strerror or error}") from error
        except BaseException:
            self.close()
            raise

    def append(self, outcomes: Sequence[Outcome]) -> None:
        """Add the outcomes of the next objects; raise `PredictError` if the disk does not take them."""
        try:
            self._file.write("".join(to_line(one) + "\n" for one in outcomes).encode())
            self._file.flush()
        except OSError as error:
            raise PredictError(f"{self.path} cannot be written: {error.strerror or error}") from error
        self.done += len(outcomes)

    def outcomes(self) -> Iterator[Outcome]:
        """Yield what it holds, in the order of the objects."""
        with open(self.path, "rb") as lines:
            next(lines)
            for line in lines:
                yield from_line(line.decode())

    def close(self) -> None:
        """Close the file, which stays."""
        # After a full disk, closing tries to write once more; `append` has raised what there is to say.
        with contextlib.suppress(OSError):
            self._file.close()

    def remove(self) -> None:
        """Remove the file."""
        self.path.unlink(missing_ok=True)
        self.close()

    def _lock(self) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise PredictError(f"{self.path} is in use: another galmorph predict writes this table") from None
        except OSError:
            pass  # some network file systems have no locks

    def _begin(self, subject: Mapping[str, str]) -> None:
        first = self._file.readline()
        if not first.endswith(b"\n"):
            self._file.seek(0)
            self._file.truncate()
            self._file.write(json.dumps(dict(subject)).encode() + b"\n")
            self._file.flush()
            return
        self._compare(first, subject)
        end = self._file.tell()
        for line in self._file:
            # The last line may be cut short, if the machine stopped.
            try:
                from_line(line.decode())
                whole = line.endswith(b"\n")
            except (ValueError, TypeError):
                whole = False
            if not whole:
                break
            self.done, end = self.done + 1, end + len(line)
        self._file.seek(end)
        self._file.truncate()

    def _compare(self, first: bytes, subject: Mapping[str, str]) -> None:
        earlier = _subject_in(first)
        if earlier is None:
            raise PredictError(f"{self.path} is not a journal of galmorph predict; remove it")
        for what, value in subject.items():
            if earlier.get(what) != value:
                raise PredictError(
                    f"{self.path} was begun with another {what} ({_short(earlier.get(what))}, now"
                    f" {_short(value)}); --overwrite begins anew"
                )


def _short(value: Any) -> str:
    return str(value).partition(" sha256:")[0] if value else "none"


def journal_subject(path: Path) -> Mapping[str, Any] | None:
    """Return what a journal says of itself; None if there is none, or it is not a journal."""
    try:
        with open(path, "rb") as file:
            return _subject_in(file.readline())
    except OSError:
        return None


def _subject_in(line: bytes) -> Mapping[str, Any] | None:
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) and "model" in found else None
