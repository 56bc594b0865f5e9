"""Extremes of the finite pixels of images, as TensorFlow graphs."""

import tensorflow as tf


def all_finite(pixels: tf.Tensor) -> tf.Tensor:
    """Return whether all pixels are finite, bool, shape (); False, too, if their sum overflows."""
    return tf.math.is_finite(tf.reduce_sum(pixels))


def finite_extremes(pixels: tf.Tensor, whole: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Return the smallest and the largest finite pixel of each image.

    Parameters
    ----------
    pixels : tf.Tensor, float32, shape (..., K)
        The pixels of an image along one axis: the extremes along two take three times as long.
    whole : tf.Tensor, bool, shape ()
        From `all_finite`: that no pixel has to be left out, which is faster. False is always right.

    Returns
    -------
    lowest, highest : tf.Tensor, float32, shape (...)
        Infinity and minus infinity where no pixel is finite.
    """

    def of_some() -> tuple[tf.Tensor, tf.Tensor]:
        finite, infinity = tf.math.is_finite(pixels), tf.fill(tf.shape(pixels), float("inf"))
        return (
            tf.reduce_min(tf.where(finite, pixels, infinity), axis=-1),
            tf.reduce_max(tf.where(finite, pixels, -infinity), axis=-1),
        )

    return tf.cond(whole, lambda: (tf.reduce_min(pixels, axis=-1), tf.reduce_max(pixels, axis=-1)), of_some)
