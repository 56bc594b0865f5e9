"""Find out why a path cannot be used, for example because permissions are missing."""

import os
import stat
import tempfile
from pathlib import Path


def unreadable_file(path: Path) -> str:
    """Return why a file cannot be read; empty if it can.

    Parameters
    ----------
    path : Path

    Returns
    -------
    str
        The rest of a sentence that begins with the path: ``"does not exist"``, ``"is not a file"``,
        ``"cannot be reached: Permission denied"`` (a parent folder cannot be entered), ``"cannot be read:
        ..."``.
    """
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return "does not exist"
    except (OSError, ValueError) as error:
        return f"cannot be reached: {_cause(error)}"
    if not stat.S_ISREG(mode):
        return "is not a file"
    try:
        # Not os.access, which ignores restrictions of a server or a mount.
        os.close(os.open(path, os.O_RDONLY | os.O_CLOEXEC))
    except OSError as error:
        return f"cannot be read: {_cause(error)}"
    return ""


def unwritable_folder(path: Path) -> str:
    """Return why nothing can be written into a folder, or why it cannot be made; empty if it can.

    Parameters
    ----------
    path : Path
        Need not exist, and is not made here.

    Returns
    -------
    str
        The rest of a sentence that begins with the path.
    """
    for place in (path, *path.parents):
        what = "" if place == path else f"cannot be made: {place} "
        try:
            mode = place.stat().st_mode
        except (FileNotFoundError, NotADirectoryError):
            if place.is_symlink():
                return f"{what}is a link to {os.readlink(place)}, which does not exist"
            continue
        except (OSError, ValueError) as error:
            return f"cannot be reached: {_cause(error)}"
        if not stat.S_ISDIR(mode):
            return f"{what}is a file, not a folder"
        try:
            os.listdir(place)
            with tempfile.TemporaryFile(dir=place):
                return ""
        except OSError as error:
            return f"{what}cannot be written: {_cause(error)}"
    return ""


def unreachable(path: Path) -> str:
    """Return why it cannot be determined whether a path exists; empty if it can.

    Parameters
    ----------
    path : Path

    Returns
    -------
    str
        A sentence that names the folder that cannot be entered.
    """
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except (OSError, ValueError) as error:
        barred = (place for place in reversed(path.parents) if _is_barred(place))
        return f"{next(barred, path)} cannot be entered: {_cause(error)}"
    return ""


def _is_barred(folder: Path) -> bool:
    return os.path.lexists(folder) and not os.path.lexists(os.path.join(folder, "."))


def _cause(error: Exception) -> str:
    return error.strerror if isinstance(error, OSError) and error.strerror else str(error)
