"""Ask a classifier with patience: retries, requests of bounded size, refused objects set apart."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace

from preprocessing.retries import retrying
from serving.predict.classifier import Answer, Classifier
from serving.predict.errors import (
    RefusedError,
    ServerError,
    StoppedError,
    TemporaryError,
    TooLargeError,
)
from serving.predict.outcomes import REFUSED, Outcome, Reject, outcome
from serving.predict.payload import Payload


@dataclass(frozen=True)
class Patience:
    """Retries and limits of requests.

    Attributes
    ----------
    retries : int
        Number of retries after the first attempt.
    first_wait, longest_wait : float
        Wait before the first retry, doubled each time, and its upper limit [s]. A random time of up to
        `first_wait` is added.
    objects : int
        Most objects in a request.
    size : int
        Largest payload of a request [bytes]; a single object may be larger.
    """

    retries: int = 5
    first_wait: float = 0.5
    longest_wait: float = 30.0
    objects: int = 64
    size: int = 16 * 2**20


class Asker:
    """Asks a classifier about any number of objects; safe to use from threads.

    Parameters
    ----------
    classifier : Classifier
    patience : Patience
    stop : threading.Event
        Set to end all waits.
    """

    def __init__(self, classifier: Classifier, patience: Patience, stop: threading.Event) -> None:
        self._classifier, self._patience, self._stop = classifier, patience, stop
        self._limits = patience
        self._answered = False

    def outcomes(self, payload: Payload, flags: list[int]) -> list[Outcome]:
        """Classify objects.

        Parameters
        ----------
        payload : Flux or Files
        flags : list of int
            What the reader found about each object.

        Returns
        -------
        list of Outcome
            For each object, in order.

        Raises
        ------
        ServerError
            If the server does not answer in spite of retries, answers nonsense, or refuses every object
            before it has classified any.
        StoppedError
            If `stop` was set.
        """
        found: list[Outcome] = []
        for first, part in self._parts(payload):
            found += self._ask(part, flags[first : first + len(part)])
        if found and not self._answered and all(one.reason == REFUSED for one in _rejects(found)):
            first_reject = next(_rejects(found))
            # A reason with a file is one of the object, not of the request.
            if not first_reject.file:
                raise ServerError(first_reject.message)
        return found

    def _parts(self, payload: Payload) -> Iterator[tuple[int, Payload]]:
        first = 0
        while first < len(payload):
            limits = self._limits
            end = min(first + limits.objects, len(payload))
            part = payload.take(range(first, end))
            while part.size > limits.size and len(part) > 1:
                end = first + max(1, min(len(part) - 1, len(part) * limits.size // part.size))
                part = payload.take(range(first, end))
            yield first, part
            first = end

    def _ask(self, payload: Payload, flags: list[int]) -> list[Outcome]:
        try:
            answer = self._patiently(payload)
        except TooLargeError as error:
            if len(payload) == 1:
                return [Reject("", "too_large", str(error))]
            self._limits = replace(self._limits, size=max(1, payload.size // 2))
            return self._halves(payload, flags)
        except RefusedError as error:
            return self._refused(payload, flags, error)
        self._answered = True
        return [outcome(answer, place, bits) for place, bits in enumerate(flags)]

    def _refused(self, payload: Payload, flags: list[int], error: RefusedError) -> list[Outcome]:
        suspects = [place for place in sorted(error.reasons) if place < len(payload)]
        if len(payload) == 1:
            band, reason = error.reasons.get(0, ("", ""))
            said = f"band {band}: {reason}" if reason else str(error)
            return [Reject(payload.path(0, band), REFUSED, said)]
        if not suspects:
            found = self._halves(payload, flags)
            if not any(_rejects(found)):  # it is the number of objects that was refused
                self._limits = replace(self._limits, objects=max(1, len(payload) // 2))
            return found
        # A server that merges requests names positions in the merged one, so each suspect is asked about
        # again.
        results: dict[int, Outcome] = {}
        others = [place for place in range(len(payload)) if place not in error.reasons]
        groups = [[place] for place in suspects] + ([others] if others else [])
        for group in groups:
            found = self._ask(payload.take(group), [flags[place] for place in group])
            results.update(zip(group, found, strict=True))
        return [results[place] for place in range(len(payload))]

    def _halves(self, payload: Payload, flags: list[int]) -> list[Outcome]:
        middle = len(payload) // 2
        first = self._ask(payload.take(range(middle)), flags[:middle])
        return first + self._ask(payload.take(range(middle, len(payload))), flags[middle:])

    def _patiently(self, payload: Payload) -> Answer:
        answer: Answer = with_retries(lambda: self._classifier.classify(payload), self._patience, self._stop)
        return answer


def with_retries(attempt, patience: Patience, stop: threading.Event):
    """Call a function, again if it raises `TemporaryError`.

    Parameters
    ----------
    attempt : callable
    patience : Patience
    stop : threading.Event
        Ends a wait at once.

    Returns
    -------
    object
        Return value of `attempt`.

    Raises
    ------
    ServerError
        The error of the last attempt.
    StoppedError
        If `stop` is set.
    """
    if stop.is_set():
        raise StoppedError("interrupted")
    again = retrying(
        patience.retries,
        patience.first_wait,
        patience.longest_wait,
        stop,
        transient=TemporaryError,
        stopped=lambda: StoppedError("interrupted"),
        longest_asked=10 * patience.longest_wait,
    )
    return again(attempt)


def _rejects(found: list[Outcome]) -> Iterator[Reject]:
    return (one for one in found if isinstance(one, Reject))
