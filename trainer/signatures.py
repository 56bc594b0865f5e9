"""Export the model as a SavedModel whose signatures cover everything from flux to class."""

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf
from tensorflow.types.experimental import ConcreteFunction

from evaluation.formats.exported_model import EXTRA, METADATA_FILE, WARM_UP_FILE
from preprocessing import features
from preprocessing.graph.flux import flux_reader
from preprocessing.graph.parts import in_parts
from preprocessing.picture import decode_planes, picture_of_planes, planes_of, shows_nothing
from preprocessing.settings import ImageSettings
from trainer.frozen_norms import folded_norms
from trainer.novelty import Novelty
from trainer.recipe import Recipe
from trainer.taps import EMBEDDING, MODELS, PROBABILITY, STATISTICS, described
from trainer.warm_up import write_warm_up

CHUNK_BYTES = 2**28
"""Memory for the largest feature map of the pictures that go through the network at once."""

_LARGEST_CHUNK = 512
_ANSWERS = 2  # numbers that each signature computes for a galaxy: probability and distance

RAW_FLUX = {
    "background": "none",
    "zero_points": "none",
    "reference_zero_point": 22.5,
    "flux_factors": {},
}
"""Settings of stamps whose numbers are flux already."""

_ANY_STAMP = {"max_blank": 1.0, "max_saturated": 1.0, "max_offset": 1.0, "cube_bands": [], "cubes": False}
_EXPORTED_PACKAGES = ("galmorph", "keras", "tensorflow", "tfx")


def default_chunk(model: keras.Model) -> int:
    """Return how many pictures go through a network at once, unless a number is given.

    Parameters
    ----------
    model : keras.Model

    Returns
    -------
    int
        The largest power of two with which the largest feature map takes no more than `CHUNK_BYTES`, 1 to
        512: 128 for EfficientNetLite0 at 128 pixels, 2 for EfficientNetB7 at 600 pixels.

    Notes
    -----
    TFX's evaluation passes batches of 1,000; with EfficientNetB7 all feature maps of these would take tens of
    gigabytes. Larger chunks keep a GPU busy; on a CPU they cost as much for each picture.
    """
    fitting = CHUNK_BYTES // max(_largest_map(model), 1)
    return max(1, min(_LARGEST_CHUNK, 1 << max(fitting, 1).bit_length() - 1))


def _largest_map(model: keras.Model) -> int:
    """Return the size of the largest output of a layer for one picture [bytes]."""
    sizes = [0]
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            sizes.append(_largest_map(layer))
        elif None not in (shape := layer.output.shape[1:]):
            sizes.append(4 * math.prod(shape))
    return max(sizes)


def morphology(p_elliptical: tf.Tensor, uncertain: tuple[float, float]) -> tf.Tensor:
    """Return the class name for each probability.

    Parameters
    ----------
    p_elliptical : tf.Tensor, float32, shape (N,)
    uncertain : (float, float)
        Closed interval of probabilities that are classified as uncertain, like NaN.

    Returns
    -------
    tf.Tensor, string, shape (N,)
    """
    least, greatest = uncertain
    names = tf.fill(tf.shape(p_elliptical), features.CLASS_NAMES[features.NO_LABEL])
    names = tf.where(p_elliptical < least, features.CLASS_NAMES[features.SPIRAL], names)
    return tf.where(p_elliptical > greatest, features.CLASS_NAMES[features.ELLIPTICAL], names)


def export_model(
    models: Sequence[keras.Model],
    path: Path,
    *,
    image: ImageSettings,
    uncertain: tuple[float, float],
    flux: Mapping[str, Any] | None = None,
    limits: Mapping[str, Any] | None = None,
    views: int = 1,
    temperature: float | None = None,
    novelty: Novelty | None = None,
    chunk: int | None = None,
    metadata: dict[str, Any] | None = None,
) -> None:
    """Write the SavedModel of the mean of classifiers.

    Parameters
    ----------
    models : sequence of keras.Model
        From `trainer.model.build_classifier`; see `trainer.taps.described`.
    path : Path
    image : ImageSettings
        Settings of the pictures that `models` were trained on.
    uncertain : (float, float)
        Interval of probabilities that are classified as uncertain.
    flux : mapping, optional
        How the numbers of the training stamps became flux, see `DataSettings.flux`; taken as flux by default.
    limits : mapping, optional
        Which stamps the ingest accepted, see `DataSettings.limits`; all by default.
    views, temperature
        As in `trainer.model.averaged`.
    novelty : Novelty, optional
        Distance from the galaxies that the first classifier learned from; unknown by default.
    chunk : int, optional
        Number of pictures that go through the network at once, all views of a galaxy counted; that of
        `default_chunk` by default.
    metadata : dict, optional
        Further entries of ``assets.extra/galmorph.json``.

    Notes
    -----
    Signatures:

    - ``serving_default`` takes ``examples`` (serialized raw Examples, string [N]);
    - ``classify_flux`` takes ``flux`` (float32 [N, H, W, 3], red first) in the bands and flux units of the
      training stamps;
    - ``classify_fits`` takes ``fits`` (string [N, 3], red first), the bytes of one FITS file for each band.
      `preprocessing.graph.flux` decodes them in the graph by the rules of the ingest;
    - ``describe_flux`` takes ``flux``, for catalogues.

    All return ``p_elliptical`` and ``p_spiral`` (float32 [N]), ``morphology`` (string [N]), ``novelty`` and
    ``novelty_distance`` (float32 [N]; NaN if unknown). A galaxy without signal
    (`preprocessing.picture.shows_nothing`) gets probabilities of NaN and the class ``uncertain``.
    ``describe_flux`` also returns ``p_elliptical_models`` (float32 [N, M]), the probability of each of M
    classifiers, of which ``p_elliptical`` is the mean, and ``embedding`` (float32 [N, D]), the features of
    the first classifier, averaged over the views. The SavedModel can be loaded with TensorFlow only.
    """
    flux_rules = {**RAW_FLUX, **(flux or {})}
    accepted = {**_ANY_STAMP, **(limits or {})}
    model = described(models, views, temperature, statistics=novelty is not None)
    chunk = chunk or default_chunk(model)
    galaxies = max(1, chunk // views)
    pictures_of = tf.TensorSpec([None, *model.input_shape[1:]], tf.float32)

    @tf.function(input_signature=[pictures_of], autograph=False)
    def network(pictures: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Return probability and distance (N, 2), the probability of each model (N, M), and the embedding.

        Traced once for all signatures: with EfficientNetB7 that takes half a minute.
        """
        found = model(pictures, training=False)
        p_elliptical = tf.reshape(found[PROBABILITY], [-1])
        if novelty is None:
            distance = tf.fill(tf.shape(p_elliptical), float("nan"))
        else:
            distance = novelty.distance(found[STATISTICS])
        return tf.stack([p_elliptical, distance], axis=-1), found[MODELS], found[EMBEDDING]

    def parts(planes: tf.Tensor) -> tuple[tf.Tensor, ...]:
        answers, each, embedding = network(tf.cast(picture_of_planes(planes, image), tf.float32))
        p_elliptical = tf.concat([answers[:, :1], each], axis=-1)
        p_elliptical = tf.where(shows_nothing(planes)[:, None], float("nan"), p_elliptical)
        return p_elliptical[:, :1], answers[:, 1:], p_elliptical[:, 1:], embedding

    def classify(planes: tf.Tensor) -> tf.Tensor:
        return tf.concat(parts(planes)[:_ANSWERS], axis=-1)

    def describe(planes: tf.Tensor) -> tf.Tensor:
        return tf.concat(parts(planes), axis=-1)

    def outputs(answers: tf.Tensor) -> dict[str, tf.Tensor]:
        p_elliptical, distance = answers[:, 0], answers[:, 1]
        return {
            "p_elliptical": tf.identity(p_elliptical, "p_elliptical"),
            "p_spiral": 1.0 - p_elliptical,
            "morphology": morphology(p_elliptical, uncertain),
            "novelty": tf.identity(distance if novelty is None else novelty.share(distance), "novelty"),
            "novelty_distance": tf.identity(distance, "novelty_distance"),
        }

    specification = {
        features.flux_feature(band): tf.io.FixedLenFeature([], tf.string) for band in image.bands
    }

    def classify_examples(records: tf.Tensor) -> tf.Tensor:
        parsed = tf.io.parse_example(records, specification)
        stamps = [parsed[features.flux_feature(band)] for band in image.bands]
        return classify(decode_planes(stamps, image.cut))

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")], autograph=False)
    def serving_default(examples: tf.Tensor) -> dict[str, tf.Tensor]:
        return outputs(_in_chunks(lambda records, _: classify_examples(records), examples, galaxies))

    @tf.function(
        input_signature=[tf.TensorSpec([None, None, None, 3], tf.float32, name="flux")], autograph=False
    )
    def classify_flux(flux: tf.Tensor) -> dict[str, tf.Tensor]:
        return outputs(_in_chunks(lambda part, _: classify(planes_of(part, image.cut)), flux, galaxies))

    networks, features_of_picture = (model.output[name].shape[-1] for name in (MODELS, EMBEDDING))
    width = _ANSWERS + networks + features_of_picture

    @tf.function(
        input_signature=[tf.TensorSpec([None, None, None, 3], tf.float32, name="flux")], autograph=False
    )
    def describe_flux(flux: tf.Tensor) -> dict[str, tf.Tensor]:
        found = _in_chunks(lambda part, _: describe(planes_of(part, image.cut)), flux, galaxies, width)
        answers, each, embedding = tf.split(found, [_ANSWERS, networks, features_of_picture], axis=-1)
        return {
            **outputs(answers),
            MODELS: tf.identity(each, MODELS),
            EMBEDDING: tf.identity(embedding, EMBEDDING),
        }

    read = flux_reader(image.bands, image.cut, flux_rules, accepted)

    @tf.function(
        input_signature=[tf.TensorSpec([None, len(image.bands)], tf.string, name="fits")], autograph=False
    )
    def classify_fits(fits: tf.Tensor) -> dict[str, tf.Tensor]:
        return outputs(_in_chunks(lambda files, first: classify(read(files, first)), fits, galaxies))

    functions = (serving_default, classify_flux, classify_fits, describe_flux)
    # Only the variables are tracked. A tracked Keras model would write Keras objects into the file, which
    # could then be loaded only with Keras.
    module = tf.Module()
    with folded_norms(model):
        signatures = {each.__name__: each.get_concrete_function() for each in functions}
        module.variables_ = _variables(signatures.values())
    tf.saved_model.save(module, str(path), signatures=signatures)
    description = {
        "image": image.model_dump(mode="json"),
        "bands": list(image.bands),
        "uncertain": list(uncertain),
        "flux": flux_rules,
        "limits": accepted,
        "novelty": None if novelty is None else novelty.about(),
        "chunk": chunk,
        "versions": {package: version(package) for package in _EXPORTED_PACKAGES},
        **(metadata or {}),
    }
    (path / EXTRA).mkdir(exist_ok=True)
    (path / METADATA_FILE).write_text(json.dumps(description, indent=2) + "\n")
    write_warm_up(path / WARM_UP_FILE, image, flux_rules)


def export_classifier(
    models: Sequence[keras.Model],
    recipe: Recipe,
    config: Mapping[str, Any],
    path: Path,
    metadata: Mapping[str, Any],
    temperature: float | None = None,
    novelty: Novelty | None = None,
) -> None:
    """Export the mean of classifiers, with the settings of a recipe.

    Parameters
    ----------
    models : sequence of keras.Model
    recipe : Recipe
    config : mapping
        ``decision``, ``flux``, ``limits`` and ``chunk``, as in `trainer.train.run_fn`.
    path : Path
    metadata : mapping
        Further entries of ``assets.extra/galmorph.json``.
    temperature : float, optional
        Temperature scaling of each classifier's probability; written as ``temperature``, which is null
        without it.
    novelty : Novelty, optional
        Distance from the galaxies that the first classifier learned from.
    """
    tables = recipe.dump()
    export_model(
        models,
        path,
        image=recipe.image,
        uncertain=tuple(config["decision"]["uncertain"]),
        flux=config["flux"],
        limits=config["limits"],
        views=recipe.model.views,
        temperature=temperature,
        novelty=novelty,
        chunk=config["chunk"],
        metadata={
            **{name: tables[name] for name in ("model", "train", "cross_validation")},
            "temperature": temperature,
            **metadata,
        },
    )


def _variables(functions: Iterable[ConcreteFunction]) -> list[tf.Variable]:
    """Return the variables that functions use, each once."""
    return list({id(variable): variable for each in functions for variable in each.variables}.values())


def _in_chunks(
    classify: Callable[[tf.Tensor, tf.Tensor], tf.Tensor], batch: tf.Tensor, chunk: int, width: int = _ANSWERS
) -> tf.Tensor:
    """Apply a function to `chunk` elements and the place of the first, and join the answers (N, width)."""
    # One chunk at a time to save memory.
    (answers,) = in_parts(
        lambda part: (classify(batch[part], part.start),),
        tf.shape(batch)[0],
        chunk,
        [tf.TensorSpec([None, width], tf.float32)],
    )
    return answers
