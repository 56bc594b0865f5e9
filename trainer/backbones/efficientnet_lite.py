"""EfficientNet-Lite as Keras models.

The Lite networks are EfficientNetB0, B1 and B2 (Tan & Le 2019, arXiv:1905.11946) made for small devices
(EfficientNet-Lite release, 2020: github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite):
no squeeze-and-excite, ReLU6 for swish, stem and head of fixed width, first and last stage of fixed depth.
They are fast on a CPU, too, and packages with their ImageNet weights can be installed
(`trainer.weights.imagenet`).
"""

import keras
from keras import layers

from trainer.backbones.efficientnet_stages import (
    HEAD_FILTERS,
    STAGES,
    STEM_FILTERS,
    Stage,
    block_name,
    round_filters,
    stage_repeats,
)
from trainer.backbones.names import backbone_facts

BATCH_NORM = {"epsilon": 1e-3, "momentum": 0.99}


def _conv_norm(x, conv: layers.Layer, norm: str, activate: bool = True):
    """Apply a convolution, its batch norm and, if `activate` is set, ReLU6."""
    x = layers.BatchNormalization(**BATCH_NORM, name=norm)(conv(x))
    return layers.Activation("relu6", name=f"{norm}_relu6")(x) if activate else x


def _conv(filters: int, kernel: int, name: str, stride: int = 1) -> layers.Conv2D:
    initializer = keras.initializers.VarianceScaling(2.0, mode="fan_out", distribution="truncated_normal")
    return layers.Conv2D(
        filters,
        kernel,
        stride,
        padding="same",
        use_bias=False,
        kernel_initializer=initializer,
        name=name,
    )


def _block(x, stage: Stage, filters: int, stride: int, drop_rate: float, name: str):
    """Apply one inverted residual block: expand, depthwise, project, add."""
    entered, filters_in = x, x.shape[-1]
    if stage.expand != 1:
        expand = _conv(filters_in * stage.expand, 1, f"{name}_expand_conv")
        x = _conv_norm(x, expand, f"{name}_expand_bn")
    depthwise = layers.DepthwiseConv2D(
        stage.kernel,
        stride,
        padding="same",
        use_bias=False,
        depthwise_initializer=keras.initializers.VarianceScaling(
            2.0, mode="fan_out", distribution="truncated_normal"
        ),
        name=f"{name}_dwconv",
    )
    x = _conv_norm(x, depthwise, f"{name}_bn")
    x = _conv_norm(x, _conv(filters, 1, f"{name}_project_conv"), f"{name}_project_bn", activate=False)
    if stride == 1 and filters == filters_in:
        if drop_rate:  # stochastic depth: the whole branch of a picture is dropped at once
            x = layers.Dropout(drop_rate, noise_shape=(None, 1, 1, 1), name=f"{name}_drop")(x)
        x = layers.Add(name=f"{name}_add")([x, entered])
    return x


def efficientnet_lite(
    backbone: str,
    *,
    include_top: bool = True,
    input_shape: tuple[int, int, int] | None = None,
    pooling: str | None = None,
    drop_connect_rate: float = 0.2,
) -> keras.Model:
    """Return an EfficientNet-Lite with random weights; `trainer.weights.imagenet` loads learned ones.

    Parameters
    ----------
    backbone : str
        A key of `trainer.backbones.names.FACTS` of the family ``efficientnet-lite``.
    include_top : bool
        Whether the network ends with the 1000 classes of ImageNet.
    input_shape : tuple of int, optional
        Height, width and 3; the native size unless given. Pixels go from -1 to 1.
    pooling : {None, "avg", "max"}
        Pooling of the last feature map (N, H, W, 1280) if there is no head; None returns the whole map.
    drop_connect_rate : float
        Stochastic depth: the probability that the last block is skipped in training; earlier ones less.

    Returns
    -------
    keras.Model
        Lite0 has, with its ImageNet classes, 4,652,008 trainable parameters and 42,016 moving statistics of
        batch norm.
    """
    facts = backbone_facts(backbone)
    if pooling not in (None, "avg", "max"):
        raise ValueError(f'pooling is None, "avg" or "max", not {pooling!r}')
    inputs = keras.Input(input_shape or (facts.native_size, facts.native_size, 3), name="picture")
    x = _conv_norm(inputs, _conv(STEM_FILTERS, 3, "stem_conv", stride=2), "stem_bn")

    repeats = stage_repeats(facts.depth, lite=True)
    block = 0
    for number, stage in enumerate(STAGES):
        filters = round_filters(stage.filters, facts.width)
        for repeat in range(repeats[number]):
            stride = stage.stride if repeat == 0 else 1
            drop_rate = drop_connect_rate * block / sum(repeats)
            x = _block(x, stage, filters, stride, drop_rate, block_name(number, repeat))
            block += 1

    x = _conv_norm(x, _conv(HEAD_FILTERS, 1, "top_conv"), "top_bn")
    if include_top:
        x = layers.GlobalAveragePooling2D(name="avg_pool")(x)
        x = layers.Dropout(facts.dropout, name="top_dropout")(x)
        x = layers.Dense(1000, activation="softmax", name="predictions")(x)
    elif pooling == "avg":
        x = layers.GlobalAveragePooling2D(name="avg_pool")(x)
    elif pooling == "max":
        x = layers.GlobalMaxPooling2D(name="max_pool")(x)
    return keras.Model(inputs, x, name=facts.name.lower())
