"""Classify every Example with the exported model, and write the answers as tables."""

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from evaluation.formats.galaxies import GALAXIES
from evaluation.formats.predictions import PREDICTIONS
from preprocessing import features
from preprocessing.progress import report_progress

BATCH_EXAMPLES = 64
ANSWERS_FILE = "answers.json"
COLUMNS = ("name", "ra", "dec", "split", "label", "p_elliptical", "morphology")
NAMED = 10
"""Galaxies without a number that are named."""


@dataclass(frozen=True)
class Answers:
    """How the model answered.

    Attributes
    ----------
    n : int
        Galaxies asked about.
    not_finite : int
        Those of which the probability is not a number.
    named : tuple of str
        The first `NAMED` of them.
    """

    n: int
    not_finite: int
    named: tuple[str, ...]

    @property
    def problem(self) -> str | None:
        """One sentence, or None where every answer is a number."""
        if not self.n:
            return "the model was asked about no galaxy"
        if not self.not_finite:
            return None
        more = ", ..." if self.not_finite > len(self.named) else ""
        listed = ", ".join(self.named) + more
        return f"p_elliptical is not a number for {self.not_finite} of {self.n} galaxies ({listed})"


def classify_examples(
    folder: Path, model_path: str, files: Mapping[str, Sequence[str]], bands: Sequence[str]
) -> Answers:
    """Classify raw Examples and write what is said of them, and what else is known of them.

    Parameters
    ----------
    folder : Path
        Gets `PREDICTIONS` with `COLUMNS`, `GALAXIES` with name, split, fold and the scalars of
        `preprocessing.features`, a row a galaxy in the same order, and `ANSWERS_FILE`. Unknown values are
        empty. Probabilities have as many digits as tell one float32 from the next.
    model_path : str
        A SavedModel with the signature ``serving_default``: what is served is what is measured.
    files : mapping of str to sequence of str
        TFRecord files by split.
    bands : sequence of str
        Bands in the Examples.

    Returns
    -------
    Answers
    """
    classify = tf.saved_model.load(model_path).signatures["serving_default"]
    scalars = _scalars(bands)
    asked, unanswered = 0, 0
    named: list[str] = []
    with (
        open(folder / PREDICTIONS, "w", newline="", encoding="utf-8") as answers_table,
        open(folder / GALAXIES, "w", newline="", encoding="utf-8") as galaxies_table,
    ):
        predictions = csv.writer(answers_table, lineterminator="\n")
        galaxies = csv.writer(galaxies_table, lineterminator="\n")
        predictions.writerow(COLUMNS)
        galaxies.writerow(("name", "split", *scalars))
        for split, records in _batches(files):
            answer = classify(examples=records)
            probabilities = answer["p_elliptical"].numpy()
            morphologies = [name.decode() for name in answer["morphology"].numpy()]
            for record, p, morphology in zip(records.numpy(), probabilities, morphologies, strict=True):
                example = tf.train.Example.FromString(record).features.feature
                name = example[features.NAME].bytes_list.value[0].decode()
                label = example[features.LABEL].int64_list.value[0]
                predictions.writerow((name, *_position(example), split, label, str(p), morphology))
                galaxies.writerow((name, split, *(_scalar(example, feature) for feature in scalars)))
                if not np.isfinite(p):
                    unanswered += 1
                    named += [name] * (len(named) < NAMED)
            asked += len(probabilities)
            report_progress("classifying", count=asked)
    answers = Answers(asked, unanswered, tuple(named))
    (folder / ANSWERS_FILE).write_text(json.dumps(asdict(answers), indent=2) + "\n")
    return answers


def read_answers(folder: Path) -> Answers:
    """Return what `classify_examples` has found."""
    found: dict[str, Any] = json.loads((folder / ANSWERS_FILE).read_text())
    return Answers(found["n"], found["not_finite"], tuple(found["named"]))


def _scalars(bands: Sequence[str]) -> list[str]:
    statistics = [features.statistic_feature(each, band) for band in bands for each in features.STATISTICS]
    return [features.FOLD, features.MAGNITUDE, features.HEIGHT, features.WIDTH, *statistics]


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


def _scalar(example: Mapping[str, tf.train.Feature], name: str) -> str:
    """Return a number as it is written, or nothing."""
    if name not in example:
        return ""
    feature = example[name]
    if feature.int64_list.value:
        return str(feature.int64_list.value[0])
    return str(np.float32(feature.float_list.value[0])) if feature.float_list.value else ""
