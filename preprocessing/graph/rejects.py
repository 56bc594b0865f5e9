"""Which stamps are rejects, by the limits of the ingest, inside a TensorFlow graph."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import tensorflow as tf

from preprocessing.extremes import all_finite, finite_extremes
from preprocessing.graph.cards import first_problem


class Measured(NamedTuple):
    """What is known about P planes. All are tensors of shape (P,).

    Attributes
    ----------
    saturated, blank : tf.Tensor, float64
        Numbers of pixels.
    off_stamp : tf.Tensor, bool
        Whether there is no data in the middle.
    least, most : tf.Tensor, float32
        The extremes of the pixels that are not blank.
    """

    saturated: tf.Tensor
    blank: tf.Tensor
    off_stamp: tf.Tensor
    least: tf.Tensor
    most: tf.Tensor


MEASURED = tuple(
    tf.TensorSpec([None], dtype) for dtype in (tf.float64, tf.float64, tf.bool, tf.float32, tf.float32)
)
"""Types of `Measured`."""


def measure(flux: tf.Tensor, saturated: tf.Tensor) -> Measured:
    """Measure planes of flux (float32 [P, side, side]), of which the saturated pixels are counted already."""
    pixels, middle = _in_rows(flux), flux.shape[1] // 2

    def counted() -> tuple[tf.Tensor, tf.Tensor]:
        blank = tf.math.count_nonzero(~tf.math.is_finite(pixels), axis=-1)
        centre = tf.math.is_finite(flux[:, middle - 1 : middle + 2, middle - 1 : middle + 2])
        return tf.cast(blank, tf.float64), ~tf.reduce_any(centre, axis=(1, 2))

    def none() -> tuple[tf.Tensor, tf.Tensor]:
        return tf.zeros_like(saturated), tf.zeros_like(saturated, tf.bool)

    whole = all_finite(pixels)
    blank, off_stamp = tf.cond(whole, none, counted)
    least, most = finite_extremes(pixels, whole)
    return Measured(saturated, blank, off_stamp, least, most)


def saturated_pixels(images: tf.Tensor, levels: tf.Tensor) -> tf.Tensor:
    """Count saturated pixels.

    Parameters
    ----------
    images : tf.Tensor, float32, shape (P, side, side)
        Pixel values in the units of the files.
    levels : tf.Tensor, float64, shape (P,)
        The value from which a pixel is saturated; infinite if unknown.

    Returns
    -------
    tf.Tensor, float64, shape (P,)
    """
    # A level that was written with more digits than a pixel holds is rounded as the pixel was.
    rounded = tf.cast(levels, tf.float32)

    def counted() -> tf.Tensor:
        # An infinite pixel does not reach an unknown level.
        known = tf.math.is_finite(levels)[:, None, None]
        reached = known & (images >= rounded[:, None, None])
        return tf.cast(tf.math.count_nonzero(reached, axis=(1, 2)), tf.float64)

    def impossible() -> tf.Tensor:
        pixels = _in_rows(images)
        below = tf.reduce_max(pixels, axis=-1) < rounded
        return all_finite(pixels) & tf.reduce_all(below)  # with NaN there is no largest pixel

    none = tf.cond(tf.reduce_all(tf.math.is_inf(levels)), lambda: True, impossible)
    return tf.cond(none, lambda: tf.zeros_like(levels), counted)


def reject_reason(problem: tf.Tensor, measured: Measured, area: int, limits: Mapping[str, Any]) -> tf.Tensor:
    """Return why planes are rejects.

    Parameters
    ----------
    problem : tf.Tensor, string, shape (P,)
        A reason that is known already; empty for none.
    measured : Measured
    area : int
        Pixels of a plane.
    limits : mapping
        ``max_blank`` and ``max_saturated``.

    Returns
    -------
    tf.Tensor, string, shape (P,)
        Empty for planes that are no rejects.
    """

    def share(which: str) -> tf.Tensor:
        percent = tf.strings.as_string(getattr(measured, which) / area * 100, precision=1)
        return tf.strings.join([percent, f"% of the pixels are {which}, limit {limits[f'max_{which}']:.1%}"])

    too_saturated, too_blank = (
        getattr(measured, which) / area > limits[f"max_{which}"] for which in ("saturated", "blank")
    )
    constant = measured.least >= measured.most

    def sentences() -> tf.Tensor:
        value = tf.strings.as_string(measured.least, shortest=True)
        return first_problem(
            problem,
            (too_saturated, share("saturated")),
            (too_blank, share("blank")),
            (measured.off_stamp, "no data at the centre, where the object should be"),
            (constant, tf.strings.join(["every pixel is ", value])),
        )

    bad = too_saturated | too_blank | measured.off_stamp | constant
    return tf.cond(tf.reduce_any(bad), sentences, lambda: problem)


def _in_rows(images: tf.Tensor) -> tf.Tensor:
    """Return the pixels of each image in one row, as `finite_extremes` takes them."""
    return tf.reshape(images, [-1, images.shape[1] * images.shape[2]])
