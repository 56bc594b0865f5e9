"""The classifier: a backbone and a simple top that gives the probability of elliptical."""

from collections.abc import Iterator
from contextlib import contextmanager

import keras
from keras import layers

from trainer.backbones import build_backbone, scale_pixels

OUTPUT = "p_elliptical"
"""Name of the one output: probability of label 1, elliptical; label 0 is spiral."""


@contextmanager
def dtype_policy(policy: str) -> Iterator[None]:
    """Build layers under a Keras dtype policy, and put the former one back."""
    former = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(former)


def backbone_of(model: keras.Model) -> keras.Model:
    """Return the backbone inside a classifier of `build_classifier`."""
    inner = [layer for layer in model.layers if isinstance(layer, keras.Model)]
    if len(inner) != 1:
        raise ValueError(f"{model.name} holds {len(inner)} backbones where one is expected")
    return inner[0]


def set_trainable(model: keras.Model, *, top_only: bool, pretrained: bool) -> None:
    """Choose which weights of a classifier training may change.

    Parameters
    ----------
    model : keras.Model
        From `build_classifier`.
    top_only : bool
        Whether the backbone is frozen; takes no effect on a network that starts from random weights, whose
        frozen features would mean nothing.
    pretrained : bool
        Whether the backbone came with learned weights. Its batch norms then stay in inference mode: a few
        small batches of galaxies would spoil the statistics learned from a million photographs.
    """
    backbone = backbone_of(model)
    backbone.trainable = not (top_only and pretrained)
    if pretrained:
        for layer in backbone.layers:
            if isinstance(layer, layers.BatchNormalization):
                layer.trainable = False


def build_classifier(
    *,
    backbone: str,
    weights: str = "imagenet",
    weights_sha256: str | None = None,
    image_size: int | None = None,
    dropout: float = 0.3,
    policy: str = "float32",
    seed: int | None = None,
) -> keras.Model:
    """Return a classifier of galaxy pictures.

    Parameters
    ----------
    backbone : str
        A name of `trainer.backbones.BACKBONES`.
    weights, weights_sha256
        See `trainer.backbones.build_backbone`.
    image_size : int, optional
        Side of the pictures [pixels]; the backbone's native size unless given.
    dropout : float
        Share of features dropped in training before the last layer.
    policy : str
        Keras dtype policy, such as ``"mixed_bfloat16"``; the output is float32 always.
    seed : int, optional
        Seeds Keras, NumPy and Python for the initial weights.

    Returns
    -------
    keras.Model
        From pictures (N, size, size, 3), uint8 or float32, 0 to 255, to ``p_elliptical`` (N, 1) in [0, 1].
    """
    if seed is not None:
        keras.utils.set_random_seed(seed)
    with dtype_policy(policy):
        network = build_backbone(
            backbone, weights=weights, weights_sha256=weights_sha256, image_size=image_size
        )
        pictures = keras.Input(network.input_shape[1:], name="picture", dtype="float32")
        x = network(scale_pixels(backbone, pictures))
        x = layers.GlobalAveragePooling2D(name="features")(x)
        x = layers.Dropout(dropout, name="dropout")(x)
        # In half precision a sigmoid near 1 has steps of 0.0005; the decision is taken in full precision.
        p_elliptical = layers.Dense(1, activation="sigmoid", dtype="float32", name=OUTPUT)(x)
        model = keras.Model(pictures, p_elliptical, name="galmorph")
    set_trainable(model, top_only=False, pretrained=weights != "none")
    return model
