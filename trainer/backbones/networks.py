"""Build the networks without weights, with one function for each family."""

import keras
from keras import layers

from trainer.backbones.efficientnet_lite import efficientnet_lite
from trainer.backbones.names import BackboneFacts

Shape = tuple[int, int, int]


def tiny_conv(input_shape: Shape) -> keras.Model:
    """Return a four-layer network for tests and smoke runs, not for science."""
    inputs = keras.Input(input_shape, name="picture")
    x = inputs
    for number, filters in enumerate((8, 16, 32), start=1):
        x = layers.Conv2D(filters, 3, 2, padding="same", use_bias=False, name=f"conv{number}")(x)
        x = layers.BatchNormalization(name=f"bn{number}")(x)
        x = layers.Activation("relu", name=f"relu{number}")(x)
    x = layers.Conv2D(64, 1, activation="relu", name="conv4")(x)
    return keras.Model(inputs, x, name="tinyconv")


def build_network(facts: BackboneFacts, shape: Shape) -> keras.Model:
    """Return a backbone, without classifier head, with random weights.

    Parameters
    ----------
    facts : BackboneFacts
    shape : tuple of int
        Shape of a picture: height, width and 3.

    Returns
    -------
    keras.Model
    """
    if facts.family == "tinyconv":
        return tiny_conv(shape)
    if facts.family == "efficientnet-lite":
        return efficientnet_lite(facts.name, include_top=False, input_shape=shape)
    # Always built without weights. With "imagenet", keras.applications adds a layer that the network of a
    # file with the same weights does not have. `trainer.backbone` does the work of that layer.
    build = getattr(keras.applications, facts.name)
    return build(include_top=False, weights=None, input_shape=shape)
