"""The model of a catalogue: flux to class, in this process."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catalog.errors import CatalogError
from catalog.store import Store
from serving.predict.classifier import Answer, checked
from serving.predict.errors import PredictError, one_line
from serving.predict.quiet import without_native_messages
from serving.published import ModelError, PublishedModel, find_model

DESCRIBE, CLASSIFY = "describe_flux", "classify_flux"
DESCRIBED = ("p_elliptical_std", "p_elliptical_models", "embedding")
"""Optional columns that need the signature `DESCRIBE`."""
OPTIONAL = ("entropy", *DESCRIBED)
"""Columns that a catalogue has if they are asked for."""

Compute = Callable[[NDArray[np.float32]], Mapping[str, Any]]
"""Takes flux, float32, shape (N, side, side, 3), and returns the outputs of a signature as arrays."""


@dataclass(frozen=True)
class ModelSpec:
    """A published model as a worker finds it; can be pickled.

    Attributes
    ----------
    path : str
        Folder of the version.
    version : str
        As in the column ``model_version``: number and fingerprint.
    backend : str
        One of `BACKENDS`.
    columns : tuple of str
        Of `OPTIONAL`.
    precision : str
        In which the backend computes: ``float32`` or ``bfloat16``.
    network : str
        File of the network that was exported for the backend, a path or a URI; empty for TensorFlow.
    archive : str
        File with the content of `path`, for workers that do not reach it; empty if all do.
    """

    path: str
    version: str
    backend: str = "tensorflow"
    columns: tuple[str, ...] = ()
    precision: str = "float32"
    network: str = ""
    archive: str = ""

    @property
    def signature(self) -> str:
        """Name of the signature that gives the columns."""
        return DESCRIBE if any(column in DESCRIBED for column in self.columns) else CLASSIFY


class Classifier:
    """A loaded model.

    Parameters
    ----------
    spec : ModelSpec

    Raises
    ------
    CatalogError
        If it cannot be loaded, or does not give the columns.
    """

    def __init__(self, spec: ModelSpec) -> None:
        self._spec = spec
        self._compute = BACKENDS[spec.backend](spec)

    def classify(self, flux: NDArray[np.float32]) -> tuple[Answer, dict[str, NDArray[np.float32]]]:
        """Classify flux.

        Parameters
        ----------
        flux : numpy.ndarray, float32, shape (N, side, side, 3)

        Returns
        -------
        answer : Answer
        extra : dict of str to numpy.ndarray, float32, shape (N, ...)
            Optional columns.

        Raises
        ------
        CatalogError
            If the model fails, or its answer is none of a model of galmorph.
        """
        outputs = self._compute(flux)
        try:
            answer = checked(outputs, len(flux), self._spec.version, self._spec.path)
        except PredictError as error:
            raise CatalogError(str(error)) from error
        return answer, {name: _optional(name, outputs, answer) for name in self._spec.columns}


def _optional(name: str, outputs: Mapping[str, Any], answer: Answer) -> NDArray[np.float32]:
    """Return a column of `OPTIONAL`.

    The entropy of the two classes is in bits; the standard deviation is that of the population.
    """
    if name == "entropy":
        terms = [
            np.where(p > 0, -p * np.log2(np.where(p > 0, p, 1)), 0 * p)
            for p in (answer.p_elliptical, answer.p_spiral)
        ]
        return np.asarray(terms[0] + terms[1], np.float32)
    if name == "p_elliptical_std":
        return np.asarray(np.std(outputs["p_elliptical_models"], axis=1), np.float32)
    return np.asarray(outputs[name], np.float32)


def published_model(path: Path) -> PublishedModel:
    """Return the model in a folder; raise `CatalogError` if there is none."""
    try:
        return find_model(path)
    except ModelError as error:
        raise CatalogError(str(error)) from error


def _tensorflow(spec: ModelSpec) -> Compute:
    with without_native_messages():
        import tensorflow as tf

        try:
            model: Any = tf.saved_model.load(spec.path)
        except Exception as error:  # damage raises errors of all kinds
            raise CatalogError(f"{spec.path} cannot be loaded: {one_line(error)}") from error
    signatures: Mapping[str, Any] = getattr(model, "signatures", {})
    if spec.signature not in signatures:
        raise _no_signature(spec)

    def compute(flux: NDArray[np.float32]) -> dict[str, Any]:
        try:
            # By way of the model: a signature holds no reference to it, but needs its variables.
            outputs = model.signatures[spec.signature](flux=tf.constant(flux))
        except tf.errors.OpError as error:  # such as a lack of memory
            raise CatalogError(f"{spec.path} failed: {one_line(error)}") from error
        return {name: output.numpy() for name, output in outputs.items()}

    return compute


def _no_signature(spec: ModelSpec) -> CatalogError:
    described = [column for column in spec.columns if column in DESCRIBED]
    wanted = (
        f", which --columns {described[0]} needs: train or export the model anew"
        if described
        else "; was it published by galmorph?"
    )
    return CatalogError(f"{spec.path} has no signature {spec.signature}{wanted}")


def _openvino(spec: ModelSpec) -> Compute:
    from catalog.backends.openvino_network import OpenVinoNetwork

    folder, _, name = spec.network.rpartition("/")
    try:
        content = Store(folder).read(name)
    except FileNotFoundError:
        raise CatalogError(f"{spec.network} is missing") from None
    with without_native_messages():
        import tensorflow as tf

        from catalog.backends.graph import with_network

        network = OpenVinoNetwork(content, spec.precision)
        compute = with_network(spec.path, spec.signature, network)

    def checked_compute(flux: NDArray[np.float32]) -> dict[str, Any]:
        try:
            return compute(flux)
        except tf.errors.OpError as error:
            raise CatalogError(f"{spec.path} failed: {one_line(error)}") from error

    return checked_compute


BACKENDS: dict[str, Callable[[ModelSpec], Compute]] = {"tensorflow": _tensorflow, "openvino": _openvino}
"""What computes, by its name."""
