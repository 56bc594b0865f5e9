"""Data augmentation that does not change the morphology of a galaxy.

Orientation, distance and exact centring of a galaxy are accidental. Flips and quarter turns are exact;
rotation by any angle, zoom and shift interpolate. All functions work on whole batches, in ``tf.data`` or in a
training step, with stateless random numbers: on one device a seed gives the same sequence of pictures.
"""

import math
from collections.abc import Callable, Collection

import keras
import numpy as np
import tensorflow as tf

ZOOM_RANGE = (0.85, 1.2)
"""Least and greatest magnification."""
MAX_SHIFT = 0.06
"""Greatest shift along each axis, as a share of the side."""


def dihedral(pictures: tf.Tensor, which: tf.Tensor) -> tf.Tensor:
    """Apply one of the eight symmetries of the square to each picture.

    Parameters
    ----------
    pictures : Tensor of shape (N, size, size, channels)
        Square, of any type; the size must be known when the graph is built.
    which : Tensor of int, shape (N,)
        0 to 7: bit 0 mirrors left and right, bit 1 turns upside down, bit 2 swaps rows and columns, in this
        order.

    Returns
    -------
    Tensor
        Pictures of the same shape and type; pixels are moved, but their values are not changed.
    """
    # One look-up of pixels costs a tenth of computing all eight versions and choosing one.
    size, channels = pictures.shape[1], pictures.shape[3]
    table = np.stack([_turned(size, number) for number in range(8)])
    pixels = tf.reshape(pictures, (-1, size * size, channels))
    moved = tf.gather(pixels, tf.gather(table, which), batch_dims=1)
    return tf.reshape(moved, tf.shape(pictures))


def _turned(size: int, number: int) -> np.ndarray:
    """Return, for each pixel of the transformed square, its index in the original."""
    pixels = np.arange(size * size, dtype=np.int32).reshape(size, size)
    pixels = pixels[:, ::-1] if number & 1 else pixels
    pixels = pixels[::-1] if number & 2 else pixels
    return (pixels.T if number & 4 else pixels).ravel()


def dihedral_views(pictures, count: int) -> list:
    """Return the first `count` of the eight symmetries of square pictures, numbered as in `dihedral`.

    Parameters
    ----------
    pictures : Tensor or KerasTensor of shape (N, size, size, channels)
    count : int
        1 to 8; the first view is the picture itself.

    Returns
    -------
    list of Tensor
    """
    views = []
    for number in range(count):
        view = keras.ops.flip(pictures, axis=2) if number & 1 else pictures
        view = keras.ops.flip(view, axis=1) if number & 2 else view
        views.append(keras.ops.transpose(view, (0, 2, 1, 3)) if number & 4 else view)
    return views


def affine(
    pictures: tf.Tensor,
    angle: tf.Tensor,
    zoom: tf.Tensor,
    shift: tf.Tensor,
    which: tf.Tensor | None = None,
) -> tf.Tensor:
    """Rotate, magnify and shift each picture about its centre, bilinearly.

    Pixels beyond the edge are filled with the reflection of the picture, because black corners would show the
    network that a picture was rotated.

    Parameters
    ----------
    pictures : Tensor of shape (N, size, size, channels)
        uint8 or float32; the size must be known when the graph is built.
    angle : Tensor of float32, shape (N,)
        Rotation [radian].
    zoom : Tensor of float32, shape (N,)
        Magnification; above 1 the galaxy grows.
    shift : Tensor of float32, shape (N, 2)
        Shift in x and y, as a share of the side.
    which : Tensor of int32, shape (N,), optional
        Symmetry of the square that is applied first, see `dihedral`.

    Returns
    -------
    Tensor of shape (N, size, size, channels)
        Of the same type; integers are rounded.

    Notes
    -----
    1. The position of each pixel of the result in the source is worked out; a symmetry swaps and mirrors
       these positions, so it costs nothing.
    2. Positions beyond the edge are mirrored at it.
    3. The four pixels around the position are looked up and weighted.
    """
    pictures = tf.convert_to_tensor(pictures)
    side, channels = pictures.shape[1], pictures.shape[3]
    x, y = _sources(side, angle, zoom, shift)
    if which is not None:
        x, y = _turned_back(side, x, y, which)
    left, top = tf.minimum(tf.floor(x), side - 2.0), tf.minimum(tf.floor(y), side - 2.0)
    right, down = (x - left)[..., None], (y - top)[..., None]
    first = tf.range(tf.shape(pictures)[0])[:, None, None] * (side * side)
    corner = first + tf.cast(top * side + left, tf.int32)
    pixels = tf.reshape(pictures, (-1, channels))

    def at(offset: int) -> tf.Tensor:
        return tf.cast(tf.gather(pixels, corner + offset), tf.float32)

    upper = at(0) + right * (at(1) - at(0))
    lower = at(side) + right * (at(side + 1) - at(side))
    values = upper + down * (lower - upper)
    if pictures.dtype.is_integer:
        values = tf.round(values)
    return tf.cast(values, pictures.dtype)


def _sources(side: int, angle: tf.Tensor, zoom: tf.Tensor, shift: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Return x and y in the source, (N, side, side), for each pixel of the result, mirrored at the edges."""
    centre = (side - 1) / 2
    cos, sin = (tf.cos(angle) / zoom)[:, None, None], (tf.sin(angle) / zoom)[:, None, None]
    pixels = tf.range(side, dtype=tf.float32) - centre
    across = (pixels - side * shift[:, :1])[:, None, :]
    along = (pixels - side * shift[:, 1:])[:, :, None]
    return _mirrored(side, cos * across - sin * along + centre), _mirrored(
        side, sin * across + cos * along + centre
    )


def _mirrored(side: int, position: tf.Tensor) -> tf.Tensor:
    """Mirror positions at the edges, which lie half a pixel beyond the outermost pixels' centres."""
    inside = tf.abs(tf.math.floormod(position + 0.5 + side, 2.0 * side) - side)
    return tf.clip_by_value(inside - 0.5, 0.0, side - 1.0)


def _turned_back(side: int, x: tf.Tensor, y: tf.Tensor, which: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Return, for positions in the turned picture, those in the picture before `dihedral`."""
    bits = [tf.bitwise.bitwise_and(which, 1 << bit)[:, None, None] > 0 for bit in range(3)]
    x, y = tf.where(bits[2], y, x), tf.where(bits[2], x, y)
    return tf.where(bits[0], side - 1.0 - x, x), tf.where(bits[1], side - 1.0 - y, y)


# XLA makes one loop of the operations, which on a CPU takes a third of their time.
_compiled_affine = tf.function(affine, jit_compile=True, autograph=False)


def mix(
    pictures: tf.Tensor, labels: tf.Tensor, largest: float, seed: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Mix each picture and its label with a share of another picture of the batch and its label.

    Parameters
    ----------
    pictures : Tensor of shape (N, size, size, channels)
    labels : Tensor of float, shape (N,)
    largest : float
        The share is drawn uniformly from 0 to this value.
    seed : Tensor of int64, shape (2,)

    Returns
    -------
    pictures : Tensor of float32, shape (N, size, size, channels)
    labels : Tensor of float32, shape (N,)

    Notes
    -----
    Mixup (Zhang et al. 2018, arXiv:1710.09412) with uniform shares. It reduces overconfidence for galaxies
    whose catalogue type is wrong.
    """
    count = tf.shape(labels)[0]
    other = tf.argsort(tf.random.stateless_uniform((count,), seed + tf.constant((0, 5), seed.dtype)))
    share = tf.random.stateless_uniform((count,), seed + tf.constant((0, 6), seed.dtype), 0.0, largest)
    pictures, shares = tf.cast(pictures, tf.float32), share[:, None, None, None]
    mixed = pictures * (1.0 - shares) + tf.gather(pictures, other) * shares
    return mixed, labels * (1.0 - share) + tf.gather(labels, other) * share


def augmenter(
    names: Collection[str], *, compiled: bool = True
) -> Callable[[tf.Tensor, tf.Tensor], tf.Tensor]:
    """Return a function that augments a batch of pictures.

    Parameters
    ----------
    names : collection of str
        Any of ``flips``, ``rotations``, ``zoom`` and ``shifts``.
    compiled : bool
        Whether XLA compiles the interpolation, for the CPU.

    Returns
    -------
    callable
        Function of pictures (N, size, size, channels) and a seed (int64 of shape (2,)) that returns augmented
        pictures of the same shape and type. On one device the same seed gives the same pictures.
    """
    unknown = set(names) - {"flips", "rotations", "zoom", "shifts"}
    if unknown:
        raise ValueError(f"unknown augmentation {', '.join(sorted(unknown))}")
    interpolate = _compiled_affine if compiled else affine

    def vary(pictures: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        count = tf.shape(pictures)[0]
        shape, given = pictures.shape, tf.as_dtype(pictures.dtype)
        if not compiled:
            # TensorFlow looks up bytes on the CPU only.
            pictures = tf.cast(pictures, tf.float32)

        def uniform(stream: int, shape: tuple, low: float, high: float) -> tf.Tensor:
            return tf.random.stateless_uniform(shape, seed + tf.constant((0, stream), seed.dtype), low, high)

        which = None
        if "flips" in names:
            which = tf.random.stateless_uniform((count,), seed, 0, 8, dtype=tf.int32)
        if set(names) - {"flips"}:
            zero = tf.zeros((count,))
            angle = uniform(1, (count,), -math.pi, math.pi) if "rotations" in names else zero
            low, high = (math.log(bound) for bound in ZOOM_RANGE)
            zoom = uniform(2, (count,), low, high) if "zoom" in names else zero
            shift = (
                uniform(3, (count, 2), -MAX_SHIFT, MAX_SHIFT) if "shifts" in names else tf.zeros((count, 2))
            )
            pictures = interpolate(pictures, angle, tf.exp(zoom), shift, which)
        elif which is not None:
            pictures = dihedral(pictures, which)
        if pictures.dtype != given:
            pictures = tf.cast(tf.round(pictures) if given.is_integer else pictures, given)
        return tf.ensure_shape(pictures, shape)

    return vary
