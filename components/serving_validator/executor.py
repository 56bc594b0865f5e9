"""What ServingValidator does: the galaxies of the trial, and its server."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path

import tensorflow as tf

from evaluation.formats.predictions import PREDICTIONS, read_predictions
from preprocessing.features import SPLITS, TEST
from serving.published import read_version
from serving.validation.model_server import ModelServer, find_binary
from serving.validation.process import ProcessServer
from serving.validation.result import Trial
from serving.validation.sample import Sample, sample_of
from serving.validation.served import Patience
from serving.validation.trial import GREY_LEVEL, TOLERANCE, try_model

GALAXIES = 128
GATE_REFUSED = Trial(skipped="the gate refused the model")


def validate(model: Path, files: Mapping[str, Sequence[str]], predictions: Path, patience: Patience) -> Trial:
    """Try a candidate with galaxies of the run.

    Parameters
    ----------
    model : Path
        Folder of the SavedModel.
    files : mapping of str to sequence of str
        TFRecord files of raw Examples by split. The test split comes first.
    predictions : Path
        Folder of PredictionGen's tables.
    patience : Patience

    Returns
    -------
    Trial
    """
    version = read_version(model)
    sample = _sample(version.bands, files, predictions)
    # PredictionGen ran in this process, on a GPU if there is one; the server has none.
    tolerance = GREY_LEVEL if tf.config.list_physical_devices("GPU") else TOLERANCE
    start = ModelServer if find_binary() else ProcessServer
    return try_model(model, version.description, sample, start, patience=patience, tolerance=tolerance)


def _sample(bands: Sequence[str], files: Mapping[str, Sequence[str]], predictions: Path) -> Sample:
    table = read_predictions(predictions / PREDICTIONS)
    expected = dict(zip(table.names.to_pylist(), table.p_elliptical.tolist(), strict=True))
    return sample_of(islice(_records(files), GALAXIES), bands, expected)


def _records(files: Mapping[str, Sequence[str]]) -> Iterator[bytes]:
    for split in sorted(SPLITS, key=lambda name: name != TEST):
        yield from tf.data.TFRecordDataset(sorted(files.get(split, ()))).as_numpy_iterator()
