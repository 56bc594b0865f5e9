"""Pictures of some objects, as the network sees them, for the page of a catalogue."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from catalog.store import Store
from preprocessing.settings import ImageSettings

FOLDER = "gallery"


def save_pictures(store: Store, rows: Sequence[int], flux: NDArray[np.float32], image: ImageSettings) -> None:
    """Write the pictures of objects.

    Parameters
    ----------
    store : Store
    rows : sequence of int
        Row numbers, which name the files.
    flux : numpy.ndarray, float32, shape (N, side, side, 3)
    image : ImageSettings
        Of the model.
    """
    import tensorflow as tf

    from preprocessing.picture import make_picture
    from preprocessing.picture_files import upright_pngs

    pictures = tf.cast(make_picture(tf.constant(flux), image), tf.uint8)
    for row, png in zip(rows, upright_pngs(pictures), strict=True):
        store.write(f"{FOLDER}/{row}.png", png)


def read_pictures(store: Store) -> dict[int, bytes]:
    """Return the pictures, PNG files, by row number."""
    names = sorted(store.names(FOLDER), key=lambda name: int(name.split(".")[0]))
    return {int(name.split(".")[0]): store.read(f"{FOLDER}/{name}") for name in names}
