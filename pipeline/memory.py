"""Peak memory of this process, for each node separately."""

import contextlib
from pathlib import Path

_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def forget_peak() -> None:
    """Reset the peak that `peak_memory` returns, where the system supports it (Linux)."""
    with contextlib.suppress(OSError):
        _CLEAR.write_text("5")


def peak_memory() -> int | None:
    """Return the peak resident memory since `forget_peak` [bytes], or None if it is not known."""
    try:
        lines = _STATUS.read_text().splitlines()
    except OSError:
        return None
    found = [line.split()[1] for line in lines if line.startswith("VmHWM:")]
    return int(found[0]) * 1024 if found else None
