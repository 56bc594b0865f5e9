"""The input picture of the network: cut, colour, resize.

Flux of shape (N, H, W, C) has its bands last, as signatures and tables have it. Planes of shape (C, N, H, W)
have them first, as pictures are computed.
"""

import tensorflow as tf

from preprocessing.extremes import all_finite, finite_extremes
from preprocessing.lupton import lupton_rgb_of_planes
from preprocessing.settings import ImageSettings


def centre_cut(flux: tf.Tensor, cut: int, rows: int = 1) -> tf.Tensor:
    """Cut the central square out of a batch of stamps.

    Parameters
    ----------
    flux : tf.Tensor, shape (N, H, W, C) or (C, N, H, W)
    cut : int
        Side of the square [pixels]. Where H or W differs from it by an odd number, the extra row or column
        is dropped at the far end, as in `preprocessing.planes.centre_cut`.
    rows : int, optional
        The axis of rows, before that of columns: 1 if the bands come last, 2 if they come first.

    Returns
    -------
    tf.Tensor, shape (N, cut, cut, C) or (C, N, cut, cut)

    Raises
    ------
    tf.errors.InvalidArgumentError
        If the stamps are smaller than the cut; raised when the graph runs.
    """
    height, width = tf.unstack(tf.shape(flux)[rows : rows + 2])
    message = f"stamps must be at least {cut} x {cut} pixels"
    with tf.control_dependencies(
        [tf.debugging.assert_greater_equal(tf.minimum(height, width), cut, message)]
    ):
        top, left = (height - cut) // 2, (width - cut) // 2
    square = slice(top, top + cut), slice(left, left + cut)
    return flux[(*[slice(None)] * rows, *square)]


def planes_of(flux: tf.Tensor, cut: int) -> tf.Tensor:
    """Return the central squares of flux (N, H, W, C) as planes (C, N, cut, cut)."""
    return tf.transpose(centre_cut(flux, cut), [3, 0, 1, 2])


def make_picture(flux: tf.Tensor, image: ImageSettings) -> tf.Tensor:
    """Turn three-band flux into pictures: cut, Lupton RGB, resize.

    Parameters
    ----------
    flux : tf.Tensor, float32, shape (N, H, W, 3)
        Flux in the bands of ``image.rgb``, red first, in the flux units of the training stamps; H and W not
        below ``image.cut``.
    image : ImageSettings

    Returns
    -------
    tf.Tensor, uint8, shape (N, size, size, 3)
        Rows in the order of `flux` (a FITS image's first row is the lowest on the sky).
    """
    return picture_of_planes(planes_of(flux, image.cut), image)


def picture_of_planes(planes: tf.Tensor, image: ImageSettings) -> tf.Tensor:
    """Turn planes into pictures: Lupton RGB, resize.

    Parameters
    ----------
    planes : tf.Tensor, float32, shape (3, N, cut, cut)
        From `planes_of` or `decode_planes`.
    image : ImageSettings

    Returns
    -------
    tf.Tensor, uint8, shape (N, size, size, 3)
        As `make_picture` returns it.
    """
    picture = lupton_rgb_of_planes(planes, stretch=image.stretch, q=image.q, minimum=image.minima)
    if image.size != image.cut:
        # Without antialiasing, thin arms break up when pictures shrink.
        resized = tf.image.resize(picture, (image.size, image.size), method="bilinear", antialias=True)
        picture = tf.cast(tf.round(resized), tf.uint8)
    picture.set_shape([None, image.size, image.size, 3])
    return picture


def shows_nothing(planes: tf.Tensor) -> tf.Tensor:
    """Return which galaxies have flux that shows nothing, so that they cannot be classified.

    Parameters
    ----------
    planes : tf.Tensor, float32, shape (C, N, cut, cut)
        From `planes_of` or `decode_planes`.

    Returns
    -------
    tf.Tensor, bool, shape (N,)
        True if, within the cut, the finite pixels of each band all have the same value, or there are none.
    """
    shape = tf.shape(planes)
    pixels = tf.reshape(planes, [shape[0], shape[1], shape[2] * shape[3]])
    lowest, highest = finite_extremes(pixels, all_finite(pixels))
    return tf.reduce_all(lowest >= highest, axis=0)


def decode_planes(planes: list[tf.Tensor], cut: int) -> tf.Tensor:
    """Decode the raw planes of Examples.

    Parameters
    ----------
    planes : list of tf.Tensor, string, shape (N,)
        One tensor per band: the bytes of `preprocessing.features.flux_feature`. All planes of a batch have
        one size.
    cut : int
        Side of the central square that is returned [pixels].

    Returns
    -------
    tf.Tensor, float32, shape (C, N, cut, cut)

    Raises
    ------
    tf.errors.InvalidArgumentError
        If the planes are smaller than the cut; raised when the graph runs.
    """
    flat = tf.stack([tf.io.decode_raw(plane, tf.float32, little_endian=True) for plane in planes])
    side = tf.cast(tf.round(tf.sqrt(tf.cast(tf.shape(flat)[2], tf.float32))), tf.int32)
    return centre_cut(tf.reshape(flat, [len(planes), -1, side, side]), cut, rows=2)
