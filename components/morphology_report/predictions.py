"""Classify every Example with the exported model, and write the answers as a table."""

import csv
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import IO

import numpy as np
import tensorflow as tf

from preprocessing import features
from preprocessing.progress import report_progress

BATCH_EXAMPLES = 64
COLUMNS = ("name", "ra", "dec", "split", "label", "p_elliptical", "morphology")


@dataclass
class Scores:
    """Labels and probabilities of one split; 12 bytes a galaxy.

    Attributes
    ----------
    labels : list of int
    p_elliptical : list of float
    morphologies : list of str
    """

    labels: list[int] = field(default_factory=list)
    p_elliptical: list[float] = field(default_factory=list)
    morphologies: list[str] = field(default_factory=list)


def write_predictions(
    table: IO[str], model_path: str, files: Mapping[str, Sequence[str]]
) -> dict[str, Scores]:
    """Classify raw Examples and write ``predictions.csv``.

    Parameters
    ----------
    table : text stream
        Gets the columns `COLUMNS`; unknown positions are empty.
    model_path : str
        A SavedModel with the signature ``serving_default``: what is served is what is measured.
    files : mapping of str to sequence of str
        TFRecord files by split.

    Returns
    -------
    dict of Scores
        By split.
    """
    loaded = tf.saved_model.load(model_path)
    classify = loaded.signatures["serving_default"]
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(COLUMNS)
    scores: defaultdict[str, Scores] = defaultdict(Scores)
    done = 0
    for split, records in _batches(files):
        answer = classify(examples=records)
        probabilities = answer["p_elliptical"].numpy()
        names = [name.decode() for name in answer["morphology"].numpy()]
        for record, probability, morphology in zip(records.numpy(), probabilities, names, strict=True):
            example = tf.train.Example.FromString(record).features.feature
            label = example[features.LABEL].int64_list.value[0]
            writer.writerow(
                [
                    example[features.NAME].bytes_list.value[0].decode(),
                    *_position(example),
                    split,
                    label,
                    f"{probability:.6f}",
                    morphology,
                ]
            )
            scores[split].labels.append(label)
            scores[split].p_elliptical.append(float(probability))
            scores[split].morphologies.append(morphology)
        done += len(probabilities)
        report_progress("classifying", count=done)
    return dict(scores)


def _batches(files: Mapping[str, Sequence[str]]) -> Iterator[tuple[str, tf.Tensor]]:
    for split, paths in files.items():
        dataset = tf.data.TFRecordDataset(sorted(paths)).batch(BATCH_EXAMPLES).prefetch(1)
        for records in dataset:
            yield split, records


def _position(example: Mapping[str, tf.train.Feature]) -> tuple[float | str, float | str]:
    """Return right ascension and declination [deg], or two empty strings."""
    if features.POSITION not in example:
        return "", ""
    ra, dec = np.frombuffer(example[features.POSITION].bytes_list.value[0], "<f8").tolist()
    return ra, dec
