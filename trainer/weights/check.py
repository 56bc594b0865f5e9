"""Check a file of weights in a child process, because damaged files can crash HDF5.

Of a few hundred randomly damaged copies of a small file in the layout of Keras 2, one caused a segmentation
fault (h5py 3.14, HDF5 1.14.6). Only the child process imports NumPy and h5py.
"""

import subprocess
import sys
from pathlib import Path

from preprocessing.safe_python import module_command, safe_environment

SECONDS = 300.0
"""Time limit for one file: 258 MB (B7) take a second from a local disk, half a minute from a slow network."""


def file_problem(path: Path, backbone: str) -> str | None:
    """Return why a file cannot be used as weights of a backbone, or None if it can.

    Parameters
    ----------
    path : Path
    backbone : str
        A key of `trainer.backbones.names.FACTS`.

    Returns
    -------
    str or None
        A sentence that begins with the path.
    """
    try:
        child = subprocess.run(
            module_command("trainer.weights.check", path.absolute(), backbone),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            stdin=subprocess.DEVNULL,
            timeout=SECONDS,
            env=safe_environment(),
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"{path} could not be read within {SECONDS:g} seconds"
    if child.returncode < 0:  # a signal
        return f"{path} is cut short or damaged: reading it ended in a crash (signal {-child.returncode})"
    if child.returncode:
        raise RuntimeError(f"the check of {path} failed with status {child.returncode}")
    problem = child.stdout.decode()
    return f"{path} {problem}" if problem else None


def _main(path: str, backbone: str) -> None:
    from trainer.weights.file import WeightsError, check_weights

    try:
        check_weights(Path(path), backbone)
    except WeightsError as error:
        sys.stdout.buffer.write(str(error).encode())


if __name__ == "__main__":
    _main(*sys.argv[1:])
