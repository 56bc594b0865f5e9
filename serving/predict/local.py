"""Classify in this process, with TensorFlow alone."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from serving.predict.classifier import Answer, checked
from serving.predict.errors import PredictError, one_line
from serving.predict.payload import Flux, Payload
from serving.predict.quiet import without_native_messages


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
        self.version, self._shown = version, shown
        with without_native_messages():
            import tensorflow as tf

            try:
                # Signatures hold no reference to the model, whose variables they need.
                self._model: Any = tf.saved_model.load(str(path))
            except Exception as error:  # damage raises errors of all kinds
                raise PredictError(f"{shown} cannot be loaded: {one_line(error)}") from error
        signatures: Mapping[str, Any] = getattr(self._model, "signatures", {})
        if "classify_flux" not in signatures:
            raise PredictError(f"{shown} has no signature classify_flux; was it published by galmorph?")
        self._classify_flux = signatures["classify_flux"]
        self._constant, self._failures = tf.constant, tf.errors.OpError

    def classify(self, payload: Payload) -> Answer:
        """Classify flux."""
        if not isinstance(payload, Flux):
            raise TypeError("a model in this process takes flux")
        try:
            outputs = self._classify_flux(flux=self._constant(payload.values))
        except self._failures as error:  # such as a lack of memory
            raise PredictError(f"{self._shown} failed: {one_line(error)}") from error
        values = {name: output.numpy() for name, output in outputs.items()}
        return checked(values, len(payload), self.version, self._shown)

    def close(self) -> None:
        """Do nothing."""
