"""Colour pictures after Lupton et al. (2004), as a TensorFlow graph on batches."""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

_SLOPE_POINT = 0.1  # share of the stretch at which the curve's slope is fixed, as in astropy
_LEAST_Q = float(np.finfo(np.float32).eps)
_LARGEST, _LARGEST_SQUARED = 1e38, 1e18  # twice the one, and the square of the other, are finite


def lupton_rgb(
    flux: tf.Tensor, *, stretch: float = 5.0, q: float = 8.0, minimum: Sequence[float] = (0.0, 0.0, 0.0)
) -> tf.Tensor:
    """Return 8-bit colour pictures of three-band flux.

    Equals `astropy.visualization.make_lupton_rgb` on each picture to within one grey level.

    Parameters
    ----------
    flux : tf.Tensor, float32, shape (..., H, W, 3)
        Flux from `preprocessing.flux_scale`, the red channel first.
    stretch : float
        Linear stretch, greater than 0 [units of `flux`].
    q : float
        Asinh softening; 0 is taken as 0.1, as astropy does.
    minimum : sequence of 3 floats
        Flux that is black, per band [units of `flux`].

    Returns
    -------
    tf.Tensor, uint8, shape (..., H, W, 3)

    Notes
    -----
    1. Subtract `minimum`; the intensity `I` is the mean of the three bands.
    2. Multiply every band by ``f(I) / I`` with ``f(I) = asinh(q I / stretch) * 0.1 / asinh(0.1 q)``, which
       keeps the ratio of the bands and so the colour; where ``I <= 0`` the pixel is black.
    3. Bands below 0 become 0; where the brightest band exceeds 1, all three are divided by it.
    4. Multiply by 255 and drop the fraction.

    A pixel that is NaN or infinite in any band has no intensity and is black.

    References
    ----------
    Lupton, R. et al. (2004), PASP 116, 133.
    """
    axes = len(flux.shape)
    planes = tf.transpose(flux, [axes - 1, *range(axes - 1)])
    return lupton_rgb_of_planes(planes, stretch=stretch, q=q, minimum=minimum)


def lupton_rgb_of_planes(
    planes: tf.Tensor, *, stretch: float, q: float, minimum: Sequence[float] = (0.0, 0.0, 0.0)
) -> tf.Tensor:
    """Return the pictures that `lupton_rgb` makes, of flux whose bands come first.

    Parameters
    ----------
    planes : tf.Tensor, float32, shape (3, ..., H, W)
        In this order no operation repeats an intensity along the shortest axis, which takes half the time.
    stretch, q, minimum
        As in `lupton_rgb`.

    Returns
    -------
    tf.Tensor, uint8, shape (..., H, W, 3)
    """
    q = 0.1 if abs(q) < _LEAST_Q else min(q, 1e10)
    axes = len(planes.shape)
    if any(minimum):
        planes -= tf.reshape(tf.constant(minimum, planes.dtype), [-1] + [1] * (axes - 1))
    intensity = tf.reduce_mean(planes, axis=0)
    lit = tf.logical_and(intensity > 0, tf.math.is_finite(intensity))
    # The inner where avoids a division by 0 or infinity; the outer one makes those pixels black.
    divisor = tf.where(lit, intensity, tf.ones_like(intensity))
    slope = _SLOPE_POINT / np.arcsinh(_SLOPE_POINT * q)
    factor = _asinh(divisor * (q / stretch)) * slope / divisor
    planes = tf.where(lit, tf.maximum(planes * factor, 0.0), tf.zeros_like(planes))
    planes /= tf.maximum(tf.reduce_max(planes, axis=0), 1.0)
    return tf.transpose(tf.cast(planes * 255.0, tf.uint8), [*range(1, axes), 0])


def _asinh(x: tf.Tensor) -> tf.Tensor:
    """Return the inverse hyperbolic sine of positive numbers, to a relative error of 3e-7.

    ``log1p(x + x^2 / (1 + sqrt(1 + x^2)))``, of operations that TensorFlow computes for several numbers at
    once; `tf.asinh` computes one after the other and takes four times as long.
    """
    x = tf.minimum(x, _LARGEST)
    capped = tf.minimum(x, _LARGEST_SQUARED)
    return tf.math.log1p(x + x * (capped / (1.0 + tf.sqrt(1.0 + capped * capped))))
