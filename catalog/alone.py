"""Keep two commands from making a catalogue in one folder at a time."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from catalog.errors import CatalogError


@contextmanager
def alone(out: Path, *, shared: bool = False) -> Iterator[None]:
    """Context in which no other command of this machine works in the folder of a catalogue.

    Parameters
    ----------
    out : Path
        Folder; it is made if it does not exist, and removed again if it stays empty.
    shared : bool
        Whether others that share it may work there, too: the parts of a catalogue.

    Raises
    ------
    CatalogError
        If another command works there, or the folder cannot be made.

    Notes
    -----
    The lock is one of the kernel (``flock``) on the folder itself, which ends with the process, however that
    ends. File systems that cannot lock folders, such as some of NFS, do without.
    """
    made = [place for place in (out, *out.parents) if not place.exists()]
    try:
        out.mkdir(parents=True, exist_ok=True)
        folder = os.open(out, os.O_RDONLY | os.O_DIRECTORY)
    except (FileExistsError, NotADirectoryError):
        raise CatalogError(f"--out {out} is a file, or lies below one; a catalogue is a folder") from None
    except OSError as error:
        raise CatalogError(f"--out {out} cannot be used: {error.strerror}") from error
    try:
        try:
            fcntl.flock(folder, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CatalogError(f"--out {out}: another galmorph classify works in this folder") from None
        except OSError:
            pass
        yield
    finally:
        os.close(folder)
        for place in made:
            with contextlib.suppress(OSError):  # it is not empty
                place.rmdir()
