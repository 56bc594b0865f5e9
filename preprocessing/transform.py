"""The preprocessing function of the Transform component."""

from typing import Any

import tensorflow as tf

from preprocessing import features
from preprocessing.picture import decode_flux, make_picture
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
        `PICTURE` (a PNG: lossless, ten times smaller than a list of integers, and a person can open it),
        `NAME`, `LABEL` and `FOLD`, each of shape (N,).
    """
    image = ImageSettings(**custom_config["image"])
    planes = [tf.reshape(inputs[features.flux_feature(band)], [-1]) for band in image.bands]
    pictures = make_picture(decode_flux(planes), image)
    outputs = {features.PICTURE: tf.io.encode_png(pictures)}
    for name in (features.NAME, features.LABEL, features.FOLD):
        outputs[name] = tf.reshape(inputs[name], [-1])
    return outputs
