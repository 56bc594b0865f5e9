"""The preprocessing function of the Transform component."""

from typing import Any

import tensorflow as tf
from tensorflow.experimental import numpy as tf_numpy

from preprocessing import features
from preprocessing.measurements import measure
from preprocessing.picture import decode_planes, picture_of_planes
from preprocessing.settings import ImageSettings


def preprocessing_fn(inputs: dict[str, tf.Tensor], custom_config: dict[str, Any]) -> dict[str, tf.Tensor]:
    """Turn raw Examples into pictures.

    Parameters
    ----------
    inputs : dict of tf.Tensor
        The features of `components.fits_example_gen`.
    custom_config : dict
        ``image``: the fields of `ImageSettings`.

    Returns
    -------
    dict of tf.Tensor
        `PICTURE` (a PNG: lossless, ten times smaller than a list of integers, and easy to view),
        `NAME`, `LABEL`, `FOLD`, `SOFT_LABEL`, `HEIGHT`, `WIDTH`, `BRIGHTNESS` and `HALF_LIGHT_RADIUS`, each
        of shape (N,).
    """
    image = ImageSettings(**custom_config["image"])
    planes = [tf.reshape(inputs[features.flux_feature(band)], [-1]) for band in image.bands]
    cuts = tf.ensure_shape(decode_planes(planes, image.cut), [len(planes), None, image.cut, image.cut])
    outputs = {features.PICTURE: tf.io.encode_png(picture_of_planes(cuts, image))}
    measured = measure(tf.transpose(cuts, [1, 2, 3, 0]), tf_numpy)
    outputs[features.BRIGHTNESS] = measured.brightness
    outputs[features.HALF_LIGHT_RADIUS] = measured.half_light_radius
    for name in (features.NAME, features.LABEL, features.FOLD, features.HEIGHT, features.WIDTH):
        outputs[name] = tf.reshape(inputs[name], [-1])
    elliptical, spiral = (_or_zero(inputs[name]) for name in (features.VOTE_ELLIPTICAL, features.VOTE_SPIRAL))
    outputs[features.SOFT_LABEL] = soft_label(elliptical, spiral, outputs[features.LABEL])
    return outputs


def soft_label(vote_elliptical: tf.Tensor, vote_spiral: tf.Tensor, label: tf.Tensor) -> tf.Tensor:
    """Return the share of ellipticals among the votes for either class.

    Parameters
    ----------
    vote_elliptical, vote_spiral : tf.Tensor, float32, shape (N,)
        Fractions of all votes; zero where unknown.
    label : tf.Tensor, int64, shape (N,)
        Used if there are no votes.

    Returns
    -------
    tf.Tensor, float32, shape (N,)
        0 to 1, and -1 for a galaxy with neither votes nor label.
    """
    total = vote_elliptical + vote_spiral
    return tf.where(total > 0, vote_elliptical / tf.where(total > 0, total, 1.0), tf.cast(label, tf.float32))


def _or_zero(votes: tf.SparseTensor) -> tf.Tensor:
    """Return a feature that some Examples lack as a dense tensor of shape (N,)."""
    # If no Example of a batch has the feature, the width of the tensor is zero.
    column = tf.SparseTensor(votes.indices, votes.values, (votes.dense_shape[0], 1))
    return tf.sparse.to_dense(column)[:, 0]
