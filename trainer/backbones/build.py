"""Build the network under the classifier, with its learned weights, whatever file they come from."""

from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
from keras import layers

from trainer.backbones.efficientnet_lite import EfficientNetLite0, EfficientNetLite1, EfficientNetLite2
from trainer.backbones.names import FACTS, SMALLEST_PICTURE, backbone_facts
from trainer.weights.file import WeightsError, read_weights
from trainer.weights.imagenet import load_imagenet
from trainer.weights.preflight import KERAS_WEIGHTS_URL, file_digest

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


def _lite(build: Callable[..., keras.Model]) -> Callable[[Shape], keras.Model]:
    return lambda shape: build(include_top=False, input_shape=shape)


def _b_series(name: str) -> Callable[[Shape], keras.Model]:
    # Always built without weights: with "imagenet", keras.applications adds a layer that a network built
    # for a file of the same weights does not have. `_mend_normalization` does that layer's work instead.
    build = getattr(keras.applications, name)
    return lambda shape: build(include_top=False, weights=None, input_shape=shape)


BACKBONES: dict[str, Callable[[Shape], keras.Model]] = {
    **{name: _b_series(name) for name in FACTS if name.startswith("EfficientNetB")},
    "EfficientNetLite0": _lite(EfficientNetLite0),
    "EfficientNetLite1": _lite(EfficientNetLite1),
    "EfficientNetLite2": _lite(EfficientNetLite2),
    "TinyConv": tiny_conv,
}
"""Name to a function: from the shape of a picture to the network without top, with random weights."""


def _mend_normalization(model: keras.Model) -> None:
    """Make the input normalisation of published EfficientNet weights divide by the standard deviation.

    The published files hold ImageNet's standard deviations where the layer expects variances, so that it
    divides by their square roots only (github.com/tensorflow/tensorflow/issues/49930). With
    ``weights="imagenet"`` Keras adds a layer that divides once more; with a path to the same file it does
    not, and the network sees wrong colours. Squaring the stored values has the same effect in one place.
    """
    published_std = np.array((0.229, 0.224, 0.225), "float32")
    for layer in model.layers:
        if isinstance(layer, layers.Normalization) and np.allclose(
            layer.adapt_variance, published_std, atol=1e-4
        ):
            layer.adapt_variance.assign(published_std**2)
            layer.finalize_state()


def _load_file(model: keras.Model, name: str, path: Path) -> None:
    """Load all weights from a file of any kind that `trainer.weights.file` reads, or none."""
    try:
        arrays = read_weights(path, name)
    except WeightsError as error:
        raise ValueError(f"no weights for {name}: {path} {error}") from error
    with_weights = [layer for layer in model.layers if layer.weights]
    for layer, values in zip(with_weights, arrays, strict=True):
        layer.set_weights(values)
        if isinstance(layer, layers.Normalization):
            layer.finalize_state()
    _mend_normalization(model)


def _load_downloaded(model: keras.Model, name: str) -> None:
    """Load the weights that ``keras.applications`` publishes, from its cache or the network."""
    facts = backbone_facts(name)
    try:
        path = keras.utils.get_file(
            facts.keras_file,
            KERAS_WEIGHTS_URL + facts.keras_file,
            cache_subdir="models",
            file_hash=facts.keras_md5,
        )
    except Exception as error:  # Keras raises just that where the network fails
        reason = str(error).strip().split("\n")[0]
        raise ValueError(
            f"the ImageNet weights of {name} could not be downloaded ({reason}): "
            f"`galmorph fetch weights {name}` is more patient, and takes the address of a mirror"
        ) from error
    _load_file(model, name, Path(path))


def build_backbone(
    name: str, *, weights: str = "imagenet", weights_sha256: str | None = None, image_size: int | None = None
) -> keras.Model:
    """Return a network without top that takes pictures as they are.

    Parameters
    ----------
    name : str
        A key of `BACKBONES`.
    weights : str
        ``"imagenet"``, ``"none"`` (random), or the path of a file: ``.h5`` as published by Keras,
        ``.weights.h5``, ``.keras`` (a backbone, or a classifier of ours), or ``.pth`` for EfficientNet-Lite.
    weights_sha256 : str, optional
        What the file's SHA-256 must be.
    image_size : int, optional
        Side of the pictures [pixels]; the network's native size unless given.

    Returns
    -------
    keras.Model
        From pictures (N, size, size, 3), after `scale_pixels`, to features (N, size/32, size/32, features).

    Raises
    ------
    ValueError
        If there is no such network, its weights do not exist, or the file does not fit.
    FileNotFoundError
        If the file or the package of weights is not there.
    """
    facts = backbone_facts(name)
    size = image_size or facts.native_size
    if size < SMALLEST_PICTURE:
        raise ValueError(f"pictures of {size} pixels are too small: every backbone halves them five times")
    model = BACKBONES[name]((size, size, 3))
    if weights == "none":
        return model
    if weights != "imagenet":
        path = Path(weights).expanduser()
        if not path.is_file():
            raise FileNotFoundError(f"there is no file of weights {path}")
        if weights_sha256 and file_digest(path, "sha256") != weights_sha256.lower():
            raise ValueError(
                f"{path} has SHA-256 {file_digest(path, 'sha256')}, not {weights_sha256.lower()}"
            )
        _load_file(model, name, path)
    elif facts.package:
        load_imagenet(model, facts.package)
    elif facts.keras_md5:
        _load_downloaded(model, name)
    else:
        raise ValueError(f'{name} has no ImageNet weights: use weights="none"')
    return model


def scale_pixels(name: str, pictures):
    """Bring pixels from 0..255 to the range that a backbone was trained with (see `FACTS`)."""
    low, high = backbone_facts(name).pixel_range
    if (low, high) == (0.0, 255.0):
        return pictures
    return layers.Rescaling((high - low) / 255.0, low, name="scale_pixels")(pictures)
