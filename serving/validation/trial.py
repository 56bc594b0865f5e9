"""The trial of a candidate: real and malformed requests to every signature, and what became of them."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from preprocessing.progress import send_progress
from serving.validation.latency import measure
from serving.validation.result import Trial
from serving.validation.sample import Sample, fits_request, malformed
from serving.validation.served import Patience, Refused, Server, ServerFailed, Tensors

TOLERANCE = 1e-5
"""Largest difference in probability between two answers about the same picture."""

GREY_LEVEL = 5e-3
"""The same where float32 flux differs in its last digits, which changes a grey level here and there, or where
one of the two comes from a GPU."""

INPUTS = {
    "serving_default": "examples",
    "classify_flux": "flux",
    "classify_fits": "fits",
    "describe_flux": "flux",
}
OUTPUTS = {"p_elliptical", "p_spiral", "morphology"}
FURTHER = {"describe_flux": {"p_elliptical_models", "embedding"}}
BATCH, SMALL_BATCH = 64, 1

Start = Callable[[Path, Patience], AbstractContextManager[Server]]


def try_model(
    model: Path,
    description: Mapping[str, Any],
    sample: Sample,
    start: Start,
    *,
    patience: Patience | None = None,
    tolerance: float = TOLERANCE,
) -> Trial:
    """Load a candidate in a server and send requests.

    Parameters
    ----------
    model : Path
        Folder of the SavedModel.
    description : mapping
        Its ``assets.extra/galmorph.json``.
    sample : Sample
    start : callable
        Starts a server, such as `ProcessServer`.
    patience : Patience, optional
    tolerance : float, optional
        For the comparison of ``serving_default`` with ``sample.expected``.

    Returns
    -------
    Trial
        A model that does not load, kills its server or hangs is a result, too.

    Notes
    -----
    1. The signatures have the inputs and outputs that clients expect.
    2. ``serving_default`` answers as it did when the model was evaluated; ``classify_flux`` answers to the
       same flux as ``serving_default``, ``describe_flux`` as ``classify_flux``, and ``classify_fits`` to
       files as ``classify_flux`` to what the ingest reads from them, each within `TOLERANCE`.
    3. Malformed requests are refused with a message, and the server answers as before.
    4. Latency with 1 and with 64 galaxies, and peak memory.
    """
    trial = Trial()
    try:
        send_progress("loading the model")
        with start(model, patience or Patience()) as server:
            trial.server, trial.version = server.kind, server.version
            trial.load_seconds = server.load_seconds
            trial.reasons += _missing(server.signatures)
            if not len(sample):
                trial.reasons.append("there is no galaxy to send")
            if trial.blessed:
                _Requests(trial, server, sample, description).send(tolerance)
            if trial.blessed:
                trial.latency = _latency(server, sample)
            trial.peak_memory = server.peak_memory()
    except ServerFailed as error:
        trial.reasons.append(str(error))
    return trial


def _missing(signatures: Mapping[str, Mapping[str, list[str]]]) -> list[str]:
    found = []
    for name, wanted in INPUTS.items():
        if name not in signatures:
            found.append(f"the signature {name} is missing")
        elif signatures[name]["inputs"] != [wanted]:
            inputs = ", ".join(signatures[name]["inputs"]) or "nothing"
            found.append(f"the signature {name} takes {inputs} in place of {wanted}")
        elif lacking := (OUTPUTS | FURTHER.get(name, set())) - set(signatures[name]["outputs"]):
            found.append(f"the signature {name} does not return {', '.join(sorted(lacking))}")
    return found


class _Requests:
    """The requests of one trial."""

    def __init__(self, trial: Trial, server: Server, sample: Sample, description: Mapping[str, Any]) -> None:
        self.trial, self.server, self.sample, self.description = trial, server, sample, description

    def send(self, tolerance: float) -> None:
        sample = self.sample
        send_progress("asking all signatures")
        examples = self._answers("serving_default", sample.examples)
        flux = self._answers("classify_flux", sample.flux)
        if examples is None or flux is None:
            return
        every = np.arange(len(sample))
        self._compare("serving_default", examples, sample.expected, every, "the evaluation", tolerance)
        self._compare("classify_flux", flux, examples["p_elliptical"], every, "serving_default", TOLERANCE)
        described = self._answers("describe_flux", sample.flux)
        if described is not None:
            self._compare("describe_flux", described, flux["p_elliptical"], every, "classify_flux", TOLERANCE)
        files = self._send_files(flux)
        send_progress("sending malformed requests")
        for signature, requests in malformed(sample, files).items():
            for what, inputs in requests.items():
                self._must_refuse(signature, what, inputs)
        again = self._answers("serving_default", sample.examples[:1])
        if again is not None and not _close(again["p_elliptical"], examples["p_elliptical"][:1], TOLERANCE):
            self.trial.reasons.append("after malformed requests the server gives another answer than before")

    def _send_files(self, flux: Tensors) -> np.ndarray:
        none = np.empty((0, 3), object)
        if self.description["limits"]["cubes"]:
            self.trial.notes.append("classify_fits does not read the cubes that this model was trained on")
            return none
        request = fits_request(self.sample, self.description)
        if not request.rows:
            self.trial.notes.append(
                "classify_fits was not compared: no galaxy passes the limits of the ingest"
            )
            return none
        answers = self._answers("classify_fits", request.files)
        if answers is not None:
            if request.same:
                like, tolerance = flux["p_elliptical"][request.rows], TOLERANCE
            else:
                read = self._answers("classify_flux", request.flux)
                if read is None:
                    return request.files
                like, tolerance = read["p_elliptical"], GREY_LEVEL
                self.trial.notes.append(
                    f"classify_fits was compared to {GREY_LEVEL:g}: the flux rules are not exact in float32"
                )
            rows = np.array(request.rows)
            self._compare("classify_fits", answers, like, rows, "classify_flux", tolerance)
        return request.files

    def _answers(self, signature: str, values: np.ndarray) -> dict[str, np.ndarray] | None:
        """Ask in batches; None, and a reason, if the answer is no answer."""
        parts = []
        for first in range(0, len(values), BATCH):
            batch = values[first : first + BATCH]
            try:
                answer, _ = self.server.ask(signature, {INPUTS[signature]: batch})
            except Refused as error:
                self.trial.reasons.append(f"{signature} refuses galaxies of the run: {error}")
                return None
            shapes = {name: answer[name].shape for name in OUTPUTS}
            if wrong := [name for name, shape in shapes.items() if shape != (len(batch),)]:
                text = f"{wrong[0]} of shape {shapes[wrong[0]]} for {len(batch)} galaxies"
                self.trial.reasons.append(f"{signature} returns {text}")
                return None
            parts.append(answer)
        return {name: np.concatenate([part[name] for part in parts]) for name in OUTPUTS}

    def _compare(
        self,
        signature: str,
        answers: Tensors,
        like: np.ndarray,
        rows: np.ndarray,
        whose: str,
        tolerance: float,
    ) -> None:
        found = answers["p_elliptical"].astype(np.float64)
        difference = _differences(found, like)
        self.trial.compared[signature] = len(found)
        self.trial.largest_difference[signature] = _json_number(difference.max())
        name = self.sample.names
        if difference.max() > tolerance:
            worst = int(difference.argmax())
            self.trial.reasons.append(
                f"{signature} gives {found[worst]:.6g} for {name[rows[worst]]} and {whose} {like[worst]:.6g}"
                f" (tolerance {tolerance:g})"
            )
        if _differences(answers["p_spiral"], 1.0 - found).max() > TOLERANCE:
            self.trial.reasons.append(f"{signature} gives probabilities that do not add up to 1")
        least, greatest = self.description["uncertain"]
        wanted = np.where(found < least, b"spiral", np.where(found > greatest, b"elliptical", b"uncertain"))
        edge = np.minimum(np.abs(found - least), np.abs(found - greatest)) <= TOLERANCE
        wrong = np.flatnonzero((wanted != answers["morphology"].astype("S")) & ~edge)
        if len(wrong):
            galaxy = name[rows[wrong[0]]]
            said = answers["morphology"][wrong[0]].decode(errors="replace")
            self.trial.reasons.append(
                f"{signature} calls {galaxy} {said} at a probability of {found[wrong[0]]:.6g}"
            )

    def _must_refuse(self, signature: str, what: str, inputs: Tensors) -> None:
        try:
            self.server.ask(signature, inputs)
        except Refused as error:
            if str(error).strip():
                self.trial.refused += 1
            else:
                self.trial.reasons.append(f"{signature} refuses {what} without a message")
        else:
            self.trial.reasons.append(f"{signature} answers to {what} in place of refusing")


def _latency(server: Server, sample: Sample) -> dict[str, dict[str, float]]:
    send_progress("measuring latency")
    found = {}
    for batch in (SMALL_BATCH, BATCH):
        inputs = {"flux": sample.flux[np.arange(batch) % len(sample)]}
        found[str(batch)] = measure(partial(_seconds, server, inputs))
    return found


def _seconds(server: Server, inputs: Tensors) -> float:
    return server.ask("classify_flux", inputs)[1]


def _differences(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return absolute differences; 0 where both are NaN, infinite where one is."""
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    difference = np.where(np.isnan(a) & np.isnan(b), 0.0, np.abs(a - b))
    return np.where(np.isnan(difference), np.inf, difference)


def _close(a: np.ndarray, b: np.ndarray, tolerance: float) -> bool:
    return bool((_differences(a, b) <= tolerance).all())


def _json_number(value: float) -> float:
    return float(value) if np.isfinite(value) else 1.0
