"""Classify in this process, with TensorFlow alone."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from serving.predict.classifier import Answer, checked
from serving.predict.errors import PredictError, one_line
from serving.predict.payload import Flux, Payload


class LocalClassifier:
    """A SavedModel in this process.

    Parameters
    ----------
    path : Path
        Its folder, without wildcard characters, which TensorFlow would take as a pattern.
    version : str
    shown : str
        Its name in messages.

    Raises
    ------
    PredictError
        If it cannot be loaded, or has no signature ``classify_flux``.
    """

    def __init__(self, path: Path, version: str, shown: str) -> None:
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
        import tensorflow as tf

        self.version, self._shown = version, shown
        try:
            # Signatures hold no reference to the model, whose variables they need.
            self._model: Any = tf.saved_model.load(str(path))
            signatures: Mapping[str, Any] = self._model.signatures
        except Exception as error:  # damage raises errors of all kinds
            raise PredictError(f"{shown} cannot be loaded: {one_line(error)}") from error
        if "classify_flux" not in signatures:
            raise PredictError(f"{shown} has no signature classify_flux; was it published by galmorph?")
        self._classify_flux = signatures["classify_flux"]
        self._constant = tf.constant

    def classify(self, payload: Payload) -> Answer:
        """Classify flux."""
        if not isinstance(payload, Flux):
            raise TypeError("a model in this process takes flux")
        outputs = self._classify_flux(flux=self._constant(payload.values))
        values = {name: output.numpy() for name, output in outputs.items()}
        return checked(values, len(payload), self.version, self._shown)

    def close(self) -> None:
        """Do nothing."""
