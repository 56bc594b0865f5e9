"""Rendering of flux to picture files in a separate process.

TensorFlow takes seconds to load, which happens here while the stamps are read. The process also keeps its
messages on processor and GPU off standard error, and does not use a GPU.
"""

import os
from collections.abc import Callable
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Self

import numpy as np

from preprocessing.processes import CONTEXT, starting_processes
from preprocessing.settings import ImageSettings

LARGEST_SHOWN = 224
"""Side above which a picture is shrunk [pixels], so that the page does not grow to tens of megabytes."""

Render = Callable[[np.ndarray, ImageSettings], list[bytes]]
"""Makes PNG files of flux, see `render`."""


def render(flux: np.ndarray, image: ImageSettings) -> list[bytes]:
    """Make pictures exactly as the network sees them, with the first row at the top.

    Parameters
    ----------
    flux : numpy.ndarray, float32, shape (N, H, W, 3)
        Flux after `preprocessing.flux_scale`, red first; rows in the order of a FITS image, the bottom row
        first.
    image : ImageSettings

    Returns
    -------
    list of bytes
        PNG files, the top row of the image first, shrunk to `LARGEST_SHOWN` if they are larger.
    """
    import tensorflow as tf

    from preprocessing.picture import make_picture
    from preprocessing.picture_files import upright_pngs

    pictures = make_picture(tf.constant(flux), image)
    if image.size > LARGEST_SHOWN:
        pictures = tf.image.resize(pictures, (LARGEST_SHOWN, LARGEST_SHOWN), method="area")
        pictures = tf.cast(tf.round(pictures), tf.uint8)
    return upright_pngs(pictures)


class Renderer:
    """Runs `render` in another process. Use as a context manager; call it like `render`."""

    def __enter__(self) -> Self:
        # A pool could not be terminated at once.
        self._orders, theirs = CONTEXT.Pipe()
        self._process = CONTEXT.Process(target=_work, args=(theirs,), daemon=True)
        with starting_processes():
            self._process.start()
        theirs.close()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.join()
        self._orders.close()

    def __call__(self, flux: np.ndarray, image: ImageSettings) -> list[bytes]:
        """Make pictures; the first call waits for TensorFlow."""
        try:
            self._orders.send((flux, image))
            answer = self._orders.recv()
        except (EOFError, OSError) as error:
            raise RuntimeError(
                "the process that makes pictures has ended, perhaps for lack of memory"
            ) from error
        if isinstance(answer, str):
            raise RuntimeError(f"no picture could be made: {answer}")
        return answer


def _work(orders: Connection) -> None:
    os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    import preprocessing.picture  # noqa: F401

    while True:
        try:
            flux, image = orders.recv()
        except EOFError:
            return  # the parent process has ended
        try:
            answer: list[bytes] | str = render(flux, image)
        except Exception as error:  # as text, because not every exception can be pickled
            answer = f"{type(error).__name__}: {error}"
        orders.send(answer)
