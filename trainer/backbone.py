"""Build the backbone of the classifier, with weights from any supported source."""

from pathlib import Path

import keras
import numpy as np
from keras import layers

from trainer.backbones.names import SMALLEST_PICTURE, backbone_facts
from trainer.backbones.networks import build_network
from trainer.weights.file import WeightsError, read_weights
from trainer.weights.imagenet import load_imagenet
from trainer.weights.preflight import KERAS_WEIGHTS_URL, file_digest


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
    """Load all weights from a file that `trainer.weights.file` can read; load none if it does not fit."""
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
    except Exception as error:  # Keras raises a plain Exception if the download fails
        reason = str(error).strip().split("\n")[0]
        raise ValueError(
            f"the ImageNet weights of {name} could not be downloaded ({reason}): "
            f"use `galmorph fetch weights {name}`, which retries and accepts the URL of a mirror"
        ) from error
    _load_file(model, name, Path(path))


def build_backbone(
    name: str, *, weights: str = "imagenet", weights_sha256: str | None = None, image_size: int | None = None
) -> keras.Model:
    """Return a backbone, that is, a network without classifier head.

    Parameters
    ----------
    name : str
        A key of `trainer.backbones.names.FACTS`.
    weights : str
        ``"imagenet"``, ``"none"`` (random), or the path of a file: ``.h5`` as published by Keras,
        ``.weights.h5``, ``.keras`` (a backbone, or a classifier of galmorph), or ``.pth`` for
        EfficientNet-Lite.
    weights_sha256 : str, optional
        Expected SHA-256 of the file.
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
        If the file or the package of weights does not exist.
    """
    facts = backbone_facts(name)
    size = image_size or facts.native_size
    if size < SMALLEST_PICTURE:
        raise ValueError(f"pictures of {size} pixels are too small: every backbone halves them five times")
    model = build_network(facts, (size, size, 3))
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
        load_imagenet(model, facts)
    elif facts.keras_md5:
        _load_downloaded(model, name)
    else:
        raise ValueError(f'{name} has no ImageNet weights: use weights="none"')
    return model


def scale_pixels(name: str, pictures):
    """Scale pixels from 0..255 to the range that a backbone was trained with (see `FACTS`)."""
    low, high = backbone_facts(name).pixel_range
    if (low, high) == (0.0, 255.0):
        return pictures
    return layers.Rescaling((high - low) / 255.0, low, name="scale_pixels")(pictures)
