"""The result of a trial, and its file."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

TRIAL_FILE = "serving.json"


@dataclass
class Trial:
    """The result of a trial.

    Attributes
    ----------
    reasons : list of str
        Why the model must not be published, one sentence each without its full stop; empty if it may.
    notes : list of str
        What was not compared, and why.
    server, version : str or None
    load_seconds : float or None
    peak_memory : int or None
        Of the server [bytes].
    latency : dict
        `latency.measure` of ``classify_flux`` by the number of galaxies in a request.
    compared : dict of str to int
        Number of galaxies by signature.
    largest_difference : dict of str to float
        In probability, by signature.
    refused : int
        Malformed requests that were refused.
    skipped : str or None
        Why the model was not tried.
    """

    reasons: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    server: str | None = None
    version: str | None = None
    load_seconds: float | None = None
    peak_memory: int | None = None
    latency: dict[str, dict[str, float]] = field(default_factory=dict)
    compared: dict[str, int] = field(default_factory=dict)
    largest_difference: dict[str, float] = field(default_factory=dict)
    refused: int = 0
    skipped: str | None = None

    @property
    def blessed(self) -> bool:
        """Whether the model may be published."""
        return not self.reasons and self.skipped is None

    def dump(self) -> dict[str, Any]:
        """Return the result in types that JSON can hold."""
        return {"blessed": self.blessed, **vars(self)}


def write_trial(folder: Path, trial: Trial) -> None:
    """Write `TRIAL_FILE` into the folder of a blessing, which is made if it does not exist."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / TRIAL_FILE).write_text(json.dumps(trial.dump(), indent=2) + "\n", encoding="utf-8")


def read_trial(folder: Path, blessed: bool) -> dict[str, Any]:
    """Return the content of `TRIAL_FILE`.

    Parameters
    ----------
    folder : Path
        Of the blessing.
    blessed : bool
        What the blessing says. TFX's InfraValidator writes nothing else.

    Returns
    -------
    dict
        See `Trial.dump`.
    """
    file = folder / TRIAL_FILE
    if file.is_file():
        return json.loads(file.read_text(encoding="utf-8"))
    refused = "TF Serving did not load the model or did not answer; the log says why"
    return Trial(server="docker", reasons=[] if blessed else [refused]).dump()
