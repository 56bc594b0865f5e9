"""The input picture of the network: cut, colour, resize."""

import tensorflow as tf

from preprocessing.lupton import lupton_rgb
from preprocessing.settings import ImageSettings


def centre_cut(flux: tf.Tensor, cut: int) -> tf.Tensor:
    """Cut the central square out of a batch of stamps.

    Parameters
    ----------
    flux : tf.Tensor, shape (N, H, W, C)
    cut : int
        Side of the square [pixels]. Where H or W differs from it by an odd number, the extra row or column
        is dropped at the far end, as in `preprocessing.planes.centre_cut`.

    Returns
    -------
    tf.Tensor, shape (N, cut, cut, C)

    Raises
    ------
    tf.errors.InvalidArgumentError
        If the stamps are smaller than the cut; raised when the graph runs.
    """
    shape = tf.shape(flux)
    height, width = shape[1], shape[2]
    message = f"stamps must be at least {cut} x {cut} pixels"
    with tf.control_dependencies(
        [tf.debugging.assert_greater_equal(tf.minimum(height, width), cut, message)]
    ):
        top, left = (height - cut) // 2, (width - cut) // 2
    return flux[:, top : top + cut, left : left + cut, :]


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
    flux = centre_cut(flux, image.cut)
    picture = lupton_rgb(flux, stretch=image.stretch, q=image.q, minimum=image.minima)
    if image.size != image.cut:
        # Without antialiasing, thin arms break up when pictures shrink.
        resized = tf.image.resize(picture, (image.size, image.size), method="bilinear", antialias=True)
        picture = tf.cast(tf.round(resized), tf.uint8)
    picture.set_shape([None, image.size, image.size, 3])
    return picture


def shows_nothing(flux: tf.Tensor, image: ImageSettings) -> tf.Tensor:
    """Return which galaxies have flux that shows nothing, so that they cannot be classified.

    Parameters
    ----------
    flux : tf.Tensor, float32, shape (N, H, W, 3)
        As `make_picture` takes it.
    image : ImageSettings

    Returns
    -------
    tf.Tensor, bool, shape (N,)
        True if, within the cut, the finite pixels of each band all have the same value, or there are none.
    """
    # The bands come first, as in `lupton_rgb`: the minimum along a long axis takes a third of the time.
    planes = tf.transpose(centre_cut(flux, image.cut), [3, 0, 1, 2])
    planes = tf.reshape(planes, [planes.shape[0], tf.shape(planes)[1], image.cut**2])
    finite, infinity = tf.math.is_finite(planes), tf.fill(tf.shape(planes), float("inf"))
    lowest = tf.reduce_min(tf.where(finite, planes, infinity), axis=-1)
    highest = tf.reduce_max(tf.where(finite, planes, -infinity), axis=-1)
    return tf.reduce_all(lowest >= highest, axis=0)


def decode_flux(planes: list[tf.Tensor]) -> tf.Tensor:
    """Decode the raw planes of Examples.

    Parameters
    ----------
    planes : list of tf.Tensor, string, shape (N,)
        One tensor per band: the bytes of `preprocessing.features.flux_feature`. All planes of a batch have
        one size.

    Returns
    -------
    tf.Tensor, float32, shape (N, side, side, len(planes))
    """
    flat = tf.stack([tf.io.decode_raw(plane, tf.float32, little_endian=True) for plane in planes], axis=-1)
    side = tf.cast(tf.round(tf.sqrt(tf.cast(tf.shape(flat)[1], tf.float32))), tf.int32)
    return tf.reshape(flat, [-1, side, side, len(planes)])
