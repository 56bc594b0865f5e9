"""The classifier: a backbone and a simple head that gives the probability of elliptical."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import keras
from keras import layers

from trainer.augment import dihedral_views
from trainer.backbone import build_backbone, scale_pixels
from trainer.settings import ModelSettings
from trainer.temperature import TemperatureScaling

FEATURES = "features"
"""Name of the layer whose output is the features of a picture: the average of the backbone's last maps."""
OUTPUT = "p_elliptical"
"""Name of the output: probability of label 1, elliptical; label 0 is spiral."""

BATCH_NORM_MOMENTUM = 0.9
"""Momentum of batch norms that are trained from random weights: averages over some ten batches."""

FULL_PRECISION = (layers.DepthwiseConv2D, layers.BatchNormalization)
"""Layers of a backbone that stay in float32 under a mixed policy."""

_STOCHASTIC_DEPTH = "_drop"  # suffix of the names of layers that skip a block, in every EfficientNet


@contextmanager
def dtype_policy(policy: str) -> Iterator[None]:
    """Build layers under a Keras dtype policy, and restore the previous policy at the end."""
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


def set_trainable(model: keras.Model, *, start: str, pretrained: bool) -> None:
    """Choose which weights of a classifier are trainable; those of the head always are.

    Parameters
    ----------
    model : keras.Model
        From `build_classifier`.
    start : str
        The lowest trainable part of the backbone: ``"stem"`` (all of it), ``"block1"`` to ``"block7"``.
    pretrained : bool
        Whether the backbone has pretrained weights. If so, its batch norms stay in inference mode, because a
        few small batches of galaxies would spoil the statistics of a million photographs.

    Raises
    ------
    ValueError
        If the backbone has no such block.
    """
    inner = backbone_of(model).layers
    first = next((number for number, layer in enumerate(inner) if layer.name.startswith(start)), None)
    if start == "stem":
        first = 0
    if first is None:
        raise ValueError(f"[train] fine_tune_from: {backbone_of(model).name} has no {start}")
    for number, layer in enumerate(inner):
        is_norm = isinstance(layer, layers.BatchNormalization)
        layer.trainable = number >= first and not (is_norm and pretrained)


def build_classifier(
    settings: ModelSettings,
    *,
    image_size: int | None = None,
    policy: str = "float32",
    seed: int | None = None,
) -> keras.Model:
    """Return a classifier of galaxy pictures.

    Parameters
    ----------
    settings : ModelSettings
    image_size : int, optional
        Side of the pictures [pixels]; the backbone's native size unless given.
    policy : str
        Keras dtype policy, such as ``"mixed_bfloat16"``; the output is always float32.
    seed : int, optional
        Seed of Keras, NumPy and Python for the initial weights.

    Returns
    -------
    keras.Model
        Network from pictures (N, size, size, 3), uint8 or float32, 0 to 255, to ``p_elliptical`` (N, 1).
    """
    if seed is not None:
        keras.utils.set_random_seed(seed)
    with dtype_policy(policy):
        network = build_backbone(
            settings.backbone,
            weights=settings.weights,
            weights_sha256=settings.weights_sha256,
            image_size=image_size,
        )
        _keep_in_full_precision(network)
        _set_stochastic_depth(network, settings.stochastic_depth)
        if not settings.pretrained:
            _quicken_batch_norm(network)
        pictures = keras.Input(network.input_shape[1:], name="picture", dtype="float32")
        x = network(scale_pixels(settings.backbone, pictures))
        x = layers.GlobalAveragePooling2D(name=FEATURES)(x)
        model = keras.Model(pictures, top(x, settings.dropout), name="galmorph")
    set_trainable(model, start="stem", pretrained=settings.pretrained)
    return model


def top(features: keras.KerasTensor, dropout: float) -> keras.KerasTensor:
    """Return the output of a new classifier head on features (N, F)."""
    x = layers.Dropout(dropout, name="dropout")(features)
    # In full precision, because in half precision a sigmoid near 1 has steps of 0.0005.
    return layers.Dense(1, activation="sigmoid", dtype="float32", name=OUTPUT)(x)


def feature_extractor(model: keras.Model) -> keras.Model:
    """Return the part of a classifier from pictures to features (N, F)."""
    return keras.Model(model.input, model.get_layer(FEATURES).output, name="feature_extractor")


def averaged(models: Sequence[keras.Model], views: int = 1, temperature: float | None = None) -> keras.Model:
    """Return a network whose probability is the mean over classifiers and over symmetries of the picture.

    Parameters
    ----------
    models : sequence of keras.Model
        Classifiers of pictures of one size. One with several outputs for a picture counts as several
        classifiers.
    views : int
        1, or up to 8 symmetries of the square.
    temperature : float, optional
        Temperature scaling of each classifier's probability, after the mean over its views and before the
        mean over classifiers (see `trainer.temperature`).

    Returns
    -------
    keras.Model
        From pictures (N, size, size, 3) to the probability (N, 1). A single classifier is returned unchanged
        if there is nothing to do.
    """
    members = sum(model.outputs[0].shape[-1] for model in models)
    if members == 1 and views == 1 and temperature is None:
        return models[0]
    pictures = keras.Input(models[0].input_shape[1:], name="picture", dtype="float32")
    seen = all_views(pictures, views)
    answers = []
    for number, model in enumerate(models):
        # The classifiers of the folds all have the same name, so each gets a new one.
        named = keras.Model(model.input, model.outputs[0], name=f"{model.name}_{number}")
        answers.append(keras.ops.mean(by_view(named(seen), views), axis=0))
    _, mean = mean_of(answers, temperature)
    return keras.Model(pictures, mean, name="galmorph_mean")


def all_views(pictures: keras.KerasTensor, views: int) -> keras.KerasTensor:
    """Return the views of N pictures as one batch: (views * N, size, size, 3), all first views first.

    A graph with one call of the network takes an eighth of the time to trace of one with eight calls.
    """
    return pictures if views == 1 else keras.ops.concatenate(dihedral_views(pictures, views), axis=0)


def by_view(output: keras.KerasTensor, views: int) -> keras.KerasTensor:
    """Return an output of `all_views` (views * N, F) as (views, N, F)."""
    return keras.ops.reshape(output, (views, -1, output.shape[-1]))


def mean_of(
    answers: Sequence[keras.KerasTensor], temperature: float | None
) -> tuple[keras.KerasTensor, keras.KerasTensor]:
    """Return the probability of each classifier (N, M) after temperature scaling, and their mean (N, 1)."""
    each = answers[0] if len(answers) == 1 else layers.Concatenate()(answers)
    if temperature is not None:
        each = TemperatureScaling(temperature)(each)
    return each, keras.ops.mean(each, axis=-1, keepdims=True)


def _keep_in_full_precision(network: keras.Model) -> None:
    """Take depthwise convolutions and batch norms out of a mixed policy, in place.

    On a GPU the gradient of a depthwise filter is 10 to 500 times slower in half precision than in float32
    wherever cuDNN does not take it (github.com/tensorflow/tensorflow/issues/27780, 41715 and 59050). Batch
    norm computes in float32 under any policy; without a policy of its own it would round in between. The
    layers after these cast to half precision. Variables are float32 in any case, so weights and checkpoints
    are the same.
    """
    for layer in network.layers:
        if isinstance(layer, FULL_PRECISION):
            layer.dtype_policy = "float32"


def _set_stochastic_depth(network: keras.Model, rate: float) -> None:
    """Rescale the rates at which blocks are skipped; they rise from zero to `rate` in the last block."""
    # Both families are built with 0.2 in the last block, which keras.applications does not let one choose.
    for layer in network.layers:
        if layer.name.endswith(_STOCHASTIC_DEPTH):
            layer.rate *= rate / 0.2


def _quicken_batch_norm(network: keras.Model) -> None:
    """Lower the momentum of batch norms that are trained from random weights.

    The momentum of 0.99 of both families suits a million pictures. With a thousand galaxies it averages over
    three epochs: trained from random weights, folds reached an accuracy of 0.49 to 0.81 on held-out galaxies
    at a training accuracy of 0.83. With 0.97 the validation accuracy stays at chance for the first ten
    epochs, so that early stopping ends the training (docs/results.md).
    """
    for layer in network.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.momentum = BATCH_NORM_MOMENTUM
