"""Pictures as PNG files for viewing, with north up."""

import tensorflow as tf


def upright_pngs(pictures: tf.Tensor) -> list[bytes]:
    """Flip pictures so that north is up, and encode them as PNG.

    Parameters
    ----------
    pictures : tf.Tensor, uint8, shape (N, H, W, 3)
        Rows in the order of a FITS image, whose first is the lowest on the sky.

    Returns
    -------
    list of bytes
        PNG files, the first row the highest on the sky.
    """
    return [tf.io.encode_png(picture, compression=9).numpy() for picture in tf.reverse(pictures, axis=[1])]


def read_upright_png(file: bytes) -> tf.Tensor:
    """Return the picture of a file from `upright_pngs`, flipped back: uint8, shape (H, W, 3)."""
    return tf.reverse(tf.io.decode_png(file, channels=3), axis=[0])
