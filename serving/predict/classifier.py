"""The interface of classifiers, and checks of their answers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from preprocessing.features import CLASS_NAMES
from serving.predict.errors import ServerError, one_line
from serving.predict.payload import Payload

_CLASSES = frozenset(CLASS_NAMES.values())
_ROUNDING = 1e-5
_OUTPUTS = ("p_elliptical", "p_spiral", "morphology")
_OPTIONAL = ("novelty", "novelty_distance")


@dataclass(frozen=True)
class Answer:
    """The classification of N objects.

    Attributes
    ----------
    p_elliptical, p_spiral : numpy.ndarray, float32, shape (N,)
        NaN if the model gives no probability.
    morphology : list of str
    novelty, novelty_distance : numpy.ndarray, float32, shape (N,), or None
        None if the model does not give them.
    version : str
        Version of the model.
    """

    p_elliptical: NDArray[np.float32]
    p_spiral: NDArray[np.float32]
    morphology: list[str]
    novelty: NDArray[np.float32] | None
    novelty_distance: NDArray[np.float32] | None
    version: str


class Classifier(Protocol):
    """A model in this process or behind a server. Its methods may be called from several threads."""

    @property
    def version(self) -> str:
        """Version of the model."""

    def classify(self, payload: Payload) -> Answer:
        """Classify objects, in one request.

        Raises
        ------
        ServerError
            If there is no answer, or not one of a model of galmorph. `TemporaryError`, `TooLargeError` and
            `RefusedError` say what can be done about it.
        """

    def close(self) -> None:
        """Give up what is held."""


def checked(outputs: Mapping[str, Any], count: int, version: str, source: str) -> Answer:
    """Check the outputs of a signature.

    Parameters
    ----------
    outputs : mapping of str to sequence
        Numbers, or text or bytes, by name of the output.
    count : int
        Number of objects that were sent.
    version : str
    source : str
        Model or server, for messages.

    Returns
    -------
    Answer

    Raises
    ------
    ServerError
        If an output is missing or has another length, a probability lies outside 0 to 1, the two do not add
        up to 1, or a class is unknown.
    """
    if missing := [name for name in _OUTPUTS if name not in outputs]:
        raise ServerError(f"{source} is not a model of galmorph: its answer has no {missing[0]}")
    names = [*_OUTPUTS[:2], *(name for name in _OPTIONAL if name in outputs)]
    numbers = {name: _numbers(name, outputs[name], count, source) for name in names}
    for name in (*_OUTPUTS[:2], "novelty"):
        values = numbers.get(name)
        if values is not None and ((values < 0) | (values > 1)).any():
            bad = values[(values < 0) | (values > 1)][0]
            raise ServerError(f"{source} answers nonsense: {name} = {bad:g}, outside 0 to 1")
    p_elliptical, p_spiral = numbers["p_elliptical"], numbers["p_spiral"]
    if (np.abs(p_elliptical + p_spiral - 1) > _ROUNDING).any() or (
        np.isnan(p_elliptical) != np.isnan(p_spiral)
    ).any():
        raise ServerError(f"{source} answers nonsense: p_elliptical and p_spiral do not add up to 1")
    words = [word.decode(errors="replace") if isinstance(word, bytes) else word for word in
             _column("morphology", outputs["morphology"], count, source)]  # fmt: skip
    if unknown := [word for word in words if word not in _CLASSES]:
        raise ServerError(f"{source} answers nonsense: morphology = {one_line(repr(unknown[0]), 60)}")
    return Answer(
        p_elliptical, p_spiral, words, numbers.get("novelty"), numbers.get("novelty_distance"), version
    )


def _numbers(name: str, values: Any, count: int, source: str) -> NDArray[np.float32]:
    try:
        # null is how some servers write NaN.
        numbers = np.array([np.nan if value is None else value for value in values], np.float32)
    except (TypeError, ValueError):
        raise ServerError(f"{source} answers nonsense: {name} holds no numbers") from None
    return _column(name, numbers, count, source)


def _column(name: str, values: Any, count: int, source: str) -> Any:
    if not isinstance(values, list | tuple | np.ndarray) or np.ndim(values) != 1:
        raise ServerError(f"{source} answers nonsense: {name} is not a list of values")
    if len(values) != count:
        raise ServerError(f"{source} answers nonsense: {len(values)} values of {name} for {count} objects")
    return values
