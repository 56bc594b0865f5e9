"""Classify Examples with an exported model, and write the predictions as tables."""

import csv
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from components.prediction_gen.compatibility import IncompatibleModelError, incompatibility
from evaluation.formats.exported_model import METADATA_FILE
from evaluation.formats.galaxies import GALAXIES
from evaluation.formats.predictions import PREDICTIONS, predictions_writer
from preprocessing import features
from preprocessing.picture import decode_planes, shows_nothing
from preprocessing.progress import send_progress
from preprocessing.settings import ImageSettings

BATCH_EXAMPLES = 64


def classify_examples(
    folder: Path,
    model_path: str,
    files: Mapping[str, Sequence[str]],
    bands: Sequence[str],
    flux: Mapping[str, Any],
) -> int:
    """Classify raw Examples, and write the predictions and further properties of the galaxies.

    Parameters
    ----------
    folder : Path
        Output folder for `PREDICTIONS` (`evaluation.formats.predictions`) and `GALAXIES`, which has name,
        split, fold and the scalars of `preprocessing.features`. Both have a row for each galaxy, in the same
        order. Unknown values are empty.
    model_path : str
        A SavedModel with the signature ``serving_default``, so that the served function is measured.
    files : mapping of str to sequence of str
        TFRecord files by split.
    bands : sequence of str
        Bands in the Examples.
    flux : mapping
        Settings that convert the numbers in the stamps to flux, see `DataSettings.flux`.

    Returns
    -------
    int
        Number of galaxies.

    Raises
    ------
    IncompatibleModelError
        If the model cannot classify these Examples, see `incompatibility`.
    """
    description: dict[str, Any] = json.loads(tf.io.gfile.GFile(f"{model_path}/{METADATA_FILE}").read())
    side = _side(files, bands)
    if side is not None and (problem := incompatibility(description, bands, side, flux)):
        raise IncompatibleModelError(f"{problem[0]}: the published model {model_path} {problem[1]}")
    image = ImageSettings(**description["image"])
    classify = tf.saved_model.load(model_path).signatures["serving_default"]
    scalars = _scalars(bands)
    asked = 0
    with (
        predictions_writer(folder / PREDICTIONS) as write,
        open(folder / GALAXIES, "w", newline="", encoding="utf-8") as galaxies_table,
    ):
        galaxies = csv.writer(galaxies_table, lineterminator="\n")
        galaxies.writerow(("name", "split", *scalars))
        for split, records in _batches(files):
            answer = classify(examples=records)
            probabilities = answer["p_elliptical"].numpy()
            morphologies = [name.decode() for name in answer["morphology"].numpy()]
            unlike = _novelty(answer)
            nothing = _shows_nothing(records, image)
            for record, p, morphology, novelty, empty in zip(
                records.numpy(), probabilities, morphologies, unlike, nothing, strict=True
            ):
                example = tf.train.Example.FromString(record).features.feature
                name = example[features.NAME].bytes_list.value[0].decode()
                label = example[features.LABEL].int64_list.value[0]
                write(
                    name,
                    *_position(example),
                    split,
                    label,
                    p,
                    morphology,
                    novelty=novelty,
                    nothing_shown=bool(empty),
                )
                galaxies.writerow((name, split, *(_scalar(example, feature) for feature in scalars)))
            asked += len(probabilities)
            send_progress("classifying", count=asked)
    return asked


def write_no_answers(folder: Path) -> None:
    """Write an empty table of predictions, for a run without a model."""
    with predictions_writer(folder / PREDICTIONS):
        pass


def _side(files: Mapping[str, Sequence[str]], bands: Sequence[str]) -> int | None:
    """Return the side of the flux in the Examples [pixels]; None if there is no Example."""
    for _, records in _batches(files):
        example = tf.train.Example.FromString(records[0].numpy()).features.feature
        flux = example[features.flux_feature(bands[0])].bytes_list.value[0]
        return math.isqrt(len(flux) // np.dtype(np.float32).itemsize)
    return None


def _novelty(answer: Mapping[str, tf.Tensor]) -> list[tuple[float, float]]:
    """Return share and distance of each galaxy; NaN from a model of before, which does not answer them."""
    unknown = np.full(len(answer["p_elliptical"]), np.nan, np.float32)
    columns = [answer.get(name, unknown) for name in ("novelty", "novelty_distance")]
    return list(zip(*(np.asarray(column) for column in columns), strict=True))


def _shows_nothing(records: tf.Tensor, image: ImageSettings) -> np.ndarray:
    names = [features.flux_feature(band) for band in image.bands]
    parsed = tf.io.parse_example(records, {name: tf.io.FixedLenFeature([], tf.string) for name in names})
    return shows_nothing(decode_planes([parsed[name] for name in names], image.cut)).numpy()


def _scalars(bands: Sequence[str]) -> list[str]:
    statistics = [features.statistic_feature(each, band) for band in bands for each in features.STATISTICS]
    return [features.FOLD, features.MAGNITUDE, features.HEIGHT, features.WIDTH, *statistics]


def _batches(files: Mapping[str, Sequence[str]]) -> Iterator[tuple[str, tf.Tensor]]:
    for split, paths in files.items():
        dataset = tf.data.TFRecordDataset(sorted(paths)).batch(BATCH_EXAMPLES).prefetch(1)
        for records in dataset:
            yield split, records


def _position(example: Mapping[str, tf.train.Feature]) -> tuple[float, float]:
    """Return right ascension and declination [deg]; NaN if unknown."""
    if features.POSITION not in example:
        return float("nan"), float("nan")
    ra, dec = np.frombuffer(example[features.POSITION].bytes_list.value[0], "<f8").tolist()
    return ra, dec


def _scalar(example: Mapping[str, tf.train.Feature], name: str) -> str:
    """Return a number as text; empty if there is none."""
    if name not in example:
        return ""
    feature = example[name]
    if feature.int64_list.value:
        return str(feature.int64_list.value[0])
    return str(np.float32(feature.float_list.value[0])) if feature.float_list.value else ""
