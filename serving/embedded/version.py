"""One version of the model in memory."""

import logging
from pathlib import Path

import grpc
import numpy as np
import tensorflow as tf
from tensorflow_serving.apis.prediction_log_pb2 import PredictionLog

from evaluation.formats.exported_model import WARM_UP_FILE
from serving.embedded.errors import ServingError, from_tensorflow
from serving.embedded.signature import Arrays, Signature, read_signature_defs, signature_of
from serving.published import PublishedModel, read_version

WARM_UP_LIMIT = 1000
"""Requests that are replayed at most, as in TF Serving."""

DEFAULT_SIGNATURE = "serving_default"
_LOG = logging.getLogger(__name__)


class LoadedVersion:
    """A SavedModel that is ready to answer.

    Parameters
    ----------
    folder : Path
        Folder of the version. Its path must not hold wildcard characters, which TensorFlow would expand.
    number : int
        Version under which it is served.

    Raises
    ------
    ModelError, OSError, ValueError, tf.errors.OpError
        If it cannot be loaded.
    ServingError
        If it fails on one of its warm-up requests.
    """

    def __init__(self, folder: Path, number: int) -> None:
        self.number = number
        self.published: PublishedModel = read_version(folder)
        self.definitions = read_signature_defs(folder)
        self._functions = tf.saved_model.load(str(folder)).signatures
        self._signatures = {name: signature_of(name, self.definitions[name]) for name in self._functions}
        self._warm_up(folder / WARM_UP_FILE)

    def signature(self, name: str) -> Signature:
        """Return a signature; the default one for an empty name."""
        name = name or DEFAULT_SIGNATURE
        if name not in self._signatures:
            known = ", ".join(sorted(self._signatures))
            raise ServingError(
                grpc.StatusCode.FAILED_PRECONDITION,
                f'Serving signature key "{name}" not found. The model has {known}',
            )
        return self._signatures[name]

    def run(self, signature: str, arrays: Arrays) -> dict[str, np.ndarray]:
        """Return the answers of a signature for inputs that it takes.

        Raises
        ------
        ServingError
            If the graph fails, with its message.
        """
        try:
            tensors = {
                name: tf.constant(array, self._signatures[signature].inputs[name].dtype)
                for name, array in arrays.items()
            }
            answers = self._functions[signature](**tensors)
        except tf.errors.OpError as error:
            raise from_tensorflow(error) from error
        return {name: answer.numpy() for name, answer in answers.items()}

    def _warm_up(self, file: Path) -> None:
        if not file.is_file():
            return
        _LOG.info("version %d is loaded; its warm-up requests are replayed", self.number)
        count = 0
        for record in tf.data.TFRecordDataset(str(file)).take(WARM_UP_LIMIT).as_numpy_iterator():
            log = PredictionLog.FromString(record)
            if log.WhichOneof("log_type") != "predict_log":
                continue
            request = log.predict_log.request
            signature = self.signature(request.model_spec.signature_name)
            # Not `arrays_of`, which wants every string; TF Serving repeats the last, as make_ndarray does.
            arrays = {name: tf.make_ndarray(tensor) for name, tensor in request.inputs.items()}
            signature.check(arrays)
            self.run(signature.name, arrays)
            count += 1
        _LOG.info("version %d answered %d warm-up requests", self.number, count)
