"""What a classifier gives beside its probability: features of the picture, statistics of its feature maps."""

from collections.abc import Sequence

import keras

from trainer.model import FEATURES, all_views, backbone_of, by_view, mean_of

STAGES = ("block3", "block4", "block5")
"""Stages of EfficientNet whose feature maps the novelty uses. The last maps of a fine-tuned network keep only
what tells the classes apart: with them, noise is less unlike the training galaxies than half of the test
galaxies (docs/results.md)."""

PROBABILITY, MODELS, EMBEDDING = "p_elliptical", "p_elliptical_models", "embedding"
STATISTICS = "statistics"


def with_taps(model: keras.Model) -> keras.Model:
    """Return a classifier that also returns its features and the statistics of its feature maps.

    Parameters
    ----------
    model : keras.Model
        A chain of layers of which one is the backbone, as `trainer.model.build_classifier` makes it.

    Returns
    -------
    keras.Model
        From pictures (N, size, size, 3) to a dict: `PROBABILITY`, the output of `model`; `EMBEDDING`, the
        average of the backbone's last feature maps (N, D), float32; and `STATISTICS` (N, S), float32: of each
        feature map at the ends of `STAGES` the mean over all positions, and the standard deviation. The
        weights are shared.
    """
    backbone = backbone_of(model)
    last = {layer.name[: len(STAGES[0])]: layer.output for layer in backbone.layers}
    # A network without these stages is so small that its output will do.
    ends = [last[stage] for stage in STAGES if stage in last] or [backbone.output]
    tapped = keras.Model(backbone.input, [backbone.output, *ends], name=f"{backbone.name}_tapped")
    pictures = keras.Input(model.input_shape[1:], name="picture", dtype="float32")
    # Keras gives no access to maps inside a nested network, so the layers are applied one by one.
    x, maps, embedding = pictures, [], None
    for layer in model.layers[1:]:
        if layer is backbone:
            x, *maps = tapped(x)
        else:
            x = layer(x)
        if layer.name == FEATURES:
            embedding = keras.ops.cast(x, "float32")
    statistics = []
    for each in maps:
        each = keras.ops.cast(each, "float32")
        statistics += [keras.ops.mean(each, axis=(1, 2)), keras.ops.std(each, axis=(1, 2))]
    outputs = {
        PROBABILITY: x,
        EMBEDDING: embedding,
        STATISTICS: keras.ops.concatenate(statistics, axis=-1),
    }
    return keras.Model(pictures, outputs, name=model.name)


def described(
    models: Sequence[keras.Model], views: int = 1, temperature: float | None = None, *, statistics: bool
) -> keras.Model:
    """Return the mean of classifiers, as `trainer.model.averaged`, with everything else that is exported.

    Parameters
    ----------
    models : sequence of keras.Model
        Classifiers of pictures of one size. One with several outputs for a picture counts as several
        classifiers.
    views, temperature
        As in `trainer.model.averaged`.
    statistics : bool
        Whether the statistics are needed.

    Returns
    -------
    keras.Model
        From pictures (N, size, size, 3) to a dict: `PROBABILITY` (N, 1); `MODELS` (N, M), the probability of
        each classifier, of which it is the mean; `EMBEDDING` (N, D), the features of the first classifier,
        averaged over the views; and `STATISTICS` of the first classifier (N, S), of the picture itself.
    """
    pictures = keras.Input(models[0].input_shape[1:], name="picture", dtype="float32")
    seen = all_views(pictures, views)
    answers, outputs = [], {}
    for number, model in enumerate(models):
        wanted = [PROBABILITY]
        if number == 0:
            wanted += [EMBEDDING, STATISTICS] if statistics else [EMBEDDING]
        # The classifiers of the folds all have the same name, so each gets a new one.
        found = _part(with_taps(model), wanted, f"{model.name}_{number}")(seen)
        found = {name: by_view(output, views) for name, output in found.items()}
        if number == 0:
            outputs = {EMBEDDING: keras.ops.mean(found[EMBEDDING], axis=0)}
            outputs |= {STATISTICS: found[STATISTICS][0]} if statistics else {}
        answers.append(keras.ops.mean(found[PROBABILITY], axis=0))
    outputs[MODELS], outputs[PROBABILITY] = mean_of(answers, temperature)
    return keras.Model(pictures, outputs, name="galmorph_mean")


def _part(whole: keras.Model, outputs: Sequence[str], name: str) -> keras.Model:
    return keras.Model(whole.input, {output: whole.output[output] for output in outputs}, name=name)
