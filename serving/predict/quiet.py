"""Keep the start-up messages of TensorFlow's C++ libraries off the terminal."""

import os
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_native_messages() -> Iterator[None]:
    """Context in which what native code writes to standard error is lost.

    TensorFlow writes about missing GPUs while it is imported, before it heeds its own settings.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
