"""Requests that TF Serving replays when it loads the exported model, before it answers with it."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from astropy.io import fits
from tensorflow.core.framework.tensor_pb2 import TensorProto
from tensorflow_serving.apis.predict_pb2 import PredictRequest
from tensorflow_serving.apis.prediction_log_pb2 import PredictionLog, PredictLog

from evaluation.formats.exported_model import MODEL_NAME
from preprocessing import features
from preprocessing.settings import ImageSettings

WARM_UP_SIZES = (1, 8, 32, 64)
"""Numbers of galaxies in the requests: the allowed batch sizes of ``serving/config``."""


def write_warm_up(path: Path, image: ImageSettings, flux: Mapping[str, Any]) -> None:
    """Write requests to each signature that is for servers, in each of `WARM_UP_SIZES`.

    Parameters
    ----------
    path : Path
        TFRecords of PredictionLog; see `evaluation.formats.exported_model.WARM_UP_FILE`.
    image : ImageSettings
    flux : mapping
        How the numbers of the stamps become flux, see `DataSettings.flux`.

    Notes
    -----
    TensorFlow plans and tunes its operations when it first sees the shape of a batch, which makes the first
    answers of a version many times slower than later ones. All galaxies of a request are the same, which
    TensorProto stores once. ``describe_flux`` is left out: it is for catalogues, which wait for no first
    answer, and its requests would make every server's start a third longer.
    """
    stamp = _stamp(image.cut)
    example = tf.train.Example()
    for band in image.bands:
        example.features.feature[features.flux_feature(band)].bytes_list.value.append(stamp.tobytes())
    record, file = example.SerializeToString(), _fits_file(stamp, float(flux["reference_zero_point"]))
    with tf.io.TFRecordWriter(str(path)) as writer:
        for count in WARM_UP_SIZES:
            shape = (count, image.cut, image.cut, 3)
            for signature, name, tensor in (
                ("serving_default", "examples", _repeated((count,), record)),
                ("classify_flux", "flux", _repeated(shape, 1.0)),
                ("classify_fits", "fits", _repeated((count, len(image.bands)), file)),
            ):
                request = PredictRequest(inputs={name: tensor})
                request.model_spec.name, request.model_spec.signature_name = MODEL_NAME, signature
                log = PredictionLog(predict_log=PredictLog(request=request))
                writer.write(log.SerializeToString())


def _stamp(side: int) -> np.ndarray:
    """Return a round galaxy with noise, float32, little-endian, as Examples store it."""
    y, x = np.mgrid[:side, :side] - (side - 1) / 2
    noise = np.random.default_rng(0).normal(0, 0.05, (side, side))
    return (10 * np.exp(-np.hypot(x, y) / (side / 12)) + noise).astype("<f4")


def _fits_file(stamp: np.ndarray, zero_point: float) -> bytes:
    file = io.BytesIO()
    header = fits.Header({"MAGZERO": zero_point})
    fits.PrimaryHDU(stamp.astype(">f4"), header).writeto(file)
    return file.getvalue()


def _repeated(shape: Sequence[int], value: bytes | float) -> TensorProto:
    """Return a tensor with one value, which is stored once."""
    tensor = TensorProto()
    for length in shape:
        tensor.tensor_shape.dim.add(size=length)
    if isinstance(value, bytes):
        tensor.dtype = tf.string.as_datatype_enum
        tensor.string_val.append(value)
    else:
        tensor.dtype = tf.float32.as_datatype_enum
        tensor.float_val.append(value)
    return tensor
