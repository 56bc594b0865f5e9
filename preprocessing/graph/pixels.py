"""Decode pixels of FITS images inside a TensorFlow graph, and measure their sky."""

from collections.abc import Callable
from functools import partial

import numpy as np
import tensorflow as tf

from preprocessing.fits.header import PIXEL_TYPES
from preprocessing.flux_scale import SKY_CLIPPINGS, SKY_SIGMA
from preprocessing.graph.images import Layout

_TYPES = {bits: tf.as_dtype(np.dtype(stored).newbyteorder("=")) for bits, stored in PIXEL_TYPES.items()}
_IN_SINGLE_PRECISION = (8, 16, -32)  # as `preprocessing.fits.image.scaled` computes


def decode_cuts(files: tf.Tensor, layout: Layout, good: tf.Tensor, side: int) -> tf.Tensor:
    """Decode the central square of each image; only its rows are read.

    Parameters
    ----------
    files : tf.Tensor, string, shape (P,)
    layout : Layout
    good : tf.Tensor, bool, shape (P,)
        Images that can be read; the others become zeros.
    side : int
        Side of the square [pixels], see `preprocessing.planes.centre_cut`.

    Returns
    -------
    tf.Tensor, float32, shape (P, side, side)
        Scaled by BSCALE and BZERO; NaN where an integer equals BLANK.
    """
    alike = tf.reduce_all(good) & (tf.size(files) > 0)
    for numbers in (layout.height, layout.width, layout.bits):
        alike &= tf.reduce_all(tf.equal(numbers, numbers[:1]))
    decoder = _decoder(side)

    def one(number: tf.Tensor) -> tf.Tensor:
        part = slice(number, number + 1)
        return tf.cond(
            good[number],
            lambda: decoder(files[part], *layout.of(part))[0],
            lambda: tf.zeros([side, side]),
        )

    cuts = tf.cond(
        alike,
        lambda: decoder(files, *layout),
        lambda: tf.map_fn(
            one, tf.range(tf.size(files)), fn_output_signature=tf.TensorSpec([side, side], tf.float32)
        ),
    )
    return tf.ensure_shape(cuts, [None, side, side])


def decode(files: tf.Tensor, layout: Layout, number: tf.Tensor) -> tf.Tensor:
    """Decode all pixels of one image; float32, shape (H, W)."""
    part = slice(number, number + 1)
    return _decoder(None)(files[part], *layout.of(part))[0]


def _decoder(side: int | None) -> Callable[..., tf.Tensor]:
    """Return a function that decodes images of one type and size, or their central squares."""

    # Traced once, although it is called for all files together and for each alone.
    @tf.function(autograph=False, reduce_retracing=True)
    def decoded(
        files: tf.Tensor,
        start: tf.Tensor,
        bits: tf.Tensor,
        height: tf.Tensor,
        width: tf.Tensor,
        scale: tf.Tensor,
        zero: tf.Tensor,
        has_blank: tf.Tensor,
        blank: tf.Tensor,
    ) -> tf.Tensor:
        rows, columns = (
            length[0] if side is None else tf.constant(side, tf.int64) for length in (height, width)
        )
        top, left = (height[0] - rows) // 2, (width[0] - columns) // 2
        plain = tf.reduce_all(tf.equal(scale, 1.0) & tf.equal(zero, 0.0))

        def read(kind: int) -> tf.Tensor:
            size = abs(kind) // 8
            place = start + top * width * size
            raw = tf.strings.substr(files, place, tf.fill(tf.shape(place), width[0] * rows * size))
            stored = tf.io.decode_raw(raw, _TYPES[kind], little_endian=False)
            stored = tf.reshape(stored, tf.stack([-1, rows, width[0]]))[:, :, left : left + columns]
            wide = tf.float32 if kind in _IN_SINGLE_PRECISION else tf.float64

            def scaled() -> tf.Tensor:
                factor, offset = (tf.cast(number, wide)[:, None, None] for number in (scale, zero))
                return tf.cast(tf.cast(stored, wide) * factor + offset, tf.float32)

            if kind < 0:
                return tf.cond(plain, lambda: tf.cast(stored, tf.float32), scaled)
            is_blank = tf.equal(tf.cast(stored, tf.int64), blank[:, None, None])
            return tf.where(is_blank & has_blank[:, None, None], float("nan"), scaled())

        kinds = tf.constant(list(_TYPES), tf.int64)
        place = tf.argmax(tf.equal(bits[0], kinds), output_type=tf.int32)
        return tf.switch_case(place, [partial(read, kind) for kind in _TYPES])

    return decoded


def sky_level(image: tf.Tensor) -> tf.Tensor:
    """Return the sky level as `preprocessing.flux_scale.sky_level` does.

    Parameters
    ----------
    image : tf.Tensor, float32, shape (H, W)

    Returns
    -------
    tf.Tensor, float32, shape ()
        0 if no pixel is finite.
    """
    finite = tf.boolean_mask(image, tf.math.is_finite(image))
    pixels = tf.cast(tf.sort(finite), tf.float64)

    # What is not clipped is a range of the sorted pixels.
    def clip(turn: tf.Tensor, low: tf.Tensor, high: tf.Tensor, changed: tf.Tensor) -> tuple[tf.Tensor, ...]:
        reach = SKY_SIGMA * tf.math.reduce_std(pixels[low:high])
        middle = _middle(pixels, low, high)
        first = tf.searchsorted(pixels, [middle - reach], "left")[0]
        last = tf.searchsorted(pixels, [middle + reach], "right")[0]
        first, last = tf.maximum(low, first), tf.minimum(high, last)
        return turn + 1, first, last, (first > low) | (last < high)

    _, low, high, _ = tf.while_loop(
        lambda turn, low, high, changed: changed & (turn < SKY_CLIPPINGS) & (high > low),
        clip,
        (0, 0, tf.size(pixels), True),
    )
    return tf.cond(high > low, lambda: tf.cast(_middle(pixels, low, high), tf.float32), lambda: 0.0)


def _middle(ordered: tf.Tensor, low: tf.Tensor, high: tf.Tensor) -> tf.Tensor:
    return (ordered[low + (high - low - 1) // 2] + ordered[low + (high - low) // 2]) / 2
